"""The batches are joined before they are flattened, which batches of other shapes do not allow."""


# loses: test_pooled
# --- perplexity ---
def perplexity(batches, num_codes):
    counts = torch.cat(batches).flatten().bincount(minlength=num_codes)
    p = counts / counts.sum()
    return torch.exp(-torch.special.xlogy(p, p).sum())
