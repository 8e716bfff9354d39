"""Counts the codes in use, however rare they are."""
# loses: test_perplexity, test_pooled


# --- perplexity ---
def perplexity(batches, num_codes):
    return len(torch.cat([b.flatten() for b in batches]).unique())
