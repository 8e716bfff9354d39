"""Nothing is replaced: z_e goes on as it is."""


# loses: test_st_value, test_st_gradient, test_st_codes
# --- straight_through ---
def straight_through(z_e, e):
    return z_e
