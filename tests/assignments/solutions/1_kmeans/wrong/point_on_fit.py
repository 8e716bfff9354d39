"""Everything is measured on the vectors that the codes were fitted to."""
# loses: test_held_out, test_rates


# --- point ---
def point(fit, held_out, num_codes):
    codes, _ = kmeans(fit, num_codes)
    indices, n = assign(fit, codes), fit.shape[1]
    return {
        "rate": math.log2(num_codes) / n,
        "coded": metrics.code_usage(indices, num_codes).entropy / n,
        "distortion": F.mse_loss(codes[indices], fit).item(),
    }
