"""The whole line is detached, not only the bracket."""


# loses: test_st_gradient
# --- straight_through ---
def straight_through(z_e, e):
    return (z_e + e - z_e).detach()
