"""A mean of the perplexities of the batches."""
# loses: test_pooled


# --- perplexity ---
def perplexity(batches, num_codes):
    values = []
    for b in batches:
        p = b.flatten().bincount(minlength=num_codes) / b.numel()
        values.append(math.exp(-torch.special.xlogy(p, p).sum().item()))
    return sum(values) / len(values)
