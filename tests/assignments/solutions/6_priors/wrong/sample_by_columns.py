"""The grid is drawn column by column, though the prior reads rows."""


# loses: test_sample_order
# --- sample ---
def sample(prior, labels, choose):
    h, w = prior.grid
    grid = torch.zeros(len(labels), h, w, dtype=torch.int64)
    prior.eval()
    with torch.no_grad():
        for j in range(w):
            for i in range(h):
                grid[:, i, j] = choose(prior(grid, labels)[:, :, i, j])
    return grid
