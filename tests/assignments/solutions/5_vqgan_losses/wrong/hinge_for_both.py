"""The autoencoder gets a hinge as well, and stops pulling once a patch has passed."""


# loses: test_hinge_autoencoder
# --- hinge_autoencoder ---
def hinge_autoencoder(fake):
    return F.relu(1 - fake).mean()
