"""The grid begins with -1, which is no code."""


# loses: test_sample_order, test_sample_choose, test_sample_mode
# --- sample ---
def sample(prior, labels, choose):
    h, w = prior.grid
    grid = torch.full((len(labels), h, w), -1)
    prior.eval()
    with torch.no_grad():
        for i in range(h):
            for j in range(w):
                grid[:, i, j] = choose(prior(grid, labels)[:, :, i, j])
    return grid
