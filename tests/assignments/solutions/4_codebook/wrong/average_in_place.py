"""The update is right, but it is written into the caller's tensor."""
# loses: test_average


# --- average ---
def average(old, new, decay):
    return old.mul_(decay).add_(new, alpha=1 - decay)
