"""The code is returned as it is: the encoder gets nothing, the codes get the decoder's gradient."""


# loses: test_st_gradient, test_st_codes
# --- straight_through ---
def straight_through(z_e, e):
    return e
