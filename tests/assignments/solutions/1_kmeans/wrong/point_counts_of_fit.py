"""The entropy is that of the counts from kmeans, of other vectors than those to be sent."""
# loses: test_rates


# --- point ---
def point(fit, held_out, num_codes):
    codes, counts = kmeans(fit, num_codes)
    indices, n = assign(held_out, codes), held_out.shape[1]
    p = counts[counts > 0] / counts.sum()
    return {
        "rate": math.log2(num_codes) / n,
        "coded": -(p * p.log2()).sum().item() / n,
        "distortion": F.mse_loss(codes[indices], held_out).item(),
    }
