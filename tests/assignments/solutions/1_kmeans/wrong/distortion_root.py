"""The root of the mean squared error."""
# loses: test_distortion


# --- distortion ---
def distortion(vectors, codes, indices):
    return F.mse_loss(codes[indices], vectors).sqrt()
