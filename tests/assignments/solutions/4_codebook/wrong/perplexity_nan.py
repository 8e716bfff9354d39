"""log of zero for codes that were not used."""
# loses: test_perplexity, test_pooled


# --- perplexity ---
def perplexity(batches, num_codes):
    counts = torch.cat([b.flatten() for b in batches]).bincount(minlength=num_codes + 1)
    p = counts / counts.sum()
    return torch.exp(-(p * p.log()).sum())
