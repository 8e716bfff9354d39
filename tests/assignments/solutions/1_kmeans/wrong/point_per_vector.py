"""Bits a vector instead of bits a number."""
# loses: test_rates


# --- point ---
def point(fit, held_out, num_codes):
    codes, _ = kmeans(fit, num_codes)
    indices = assign(held_out, codes)
    return {
        "rate": math.log2(num_codes),
        "coded": metrics.code_usage(indices, num_codes).entropy,
        "distortion": F.mse_loss(codes[indices], held_out).item(),
    }
