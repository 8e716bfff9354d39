"""The values of the codes are written into z_e. The gradient is right, but z_e is lost, and the
commitment term is zero from now on."""


# loses: test_st_value
# --- straight_through ---
def straight_through(z_e, e):
    z_e.data.copy_(e)
    return z_e * 1
