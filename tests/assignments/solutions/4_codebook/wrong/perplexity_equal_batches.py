"""A mean of the batches' frequencies: a token of a small batch weighs more than one of a large
batch.
"""
# loses: test_pooled


# --- perplexity ---
def perplexity(batches, num_codes):
    shares = [b.flatten().bincount(minlength=num_codes) / b.numel() for b in batches]
    p = torch.stack(shares).mean(0)
    return torch.special.entr(p).sum().exp().item()
