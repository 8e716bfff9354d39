"""Whole bits: the logarithm is rounded up."""


# loses: test_rates
# --- point ---
def point(fit, held_out, num_codes):
    codes, _ = kmeans(fit, num_codes)
    indices, n = assign(held_out, codes), held_out.shape[1]
    return {
        "rate": math.ceil(math.log2(num_codes)) / n,
        "coded": metrics.code_usage(indices, num_codes).entropy / n,
        "distortion": (held_out - codes[indices]).square().mean().item(),
    }
