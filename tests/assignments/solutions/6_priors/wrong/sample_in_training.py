"""eval() was forgotten: dropout disturbs each draw."""


# loses: test_sample_mode
# --- sample ---
def sample(prior, labels, choose):
    h, w = prior.grid
    grid = torch.zeros(len(labels), h, w, dtype=torch.int64)
    prior.train()
    with torch.no_grad():
        for i in range(h):
            for j in range(w):
                grid[:, i, j] = choose(prior(grid, labels)[:, :, i, j])
    return grid
