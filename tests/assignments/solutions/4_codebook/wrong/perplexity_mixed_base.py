"""An entropy in bits under the exponential function."""
# loses: test_perplexity, test_pooled


# --- perplexity ---
def perplexity(batches, num_codes):
    return math.exp(
        metrics.code_usage(torch.cat([b.flatten() for b in batches]), num_codes).entropy
    )
