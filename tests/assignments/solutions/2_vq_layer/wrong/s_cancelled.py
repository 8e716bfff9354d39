"""Detached was the code instead of the bracket, so the two gradients at z_e cancel."""


# loses: test_st_gradient
# --- straight_through ---
def straight_through(z_e, e):
    return z_e + (e.detach() - z_e)
