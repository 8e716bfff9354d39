"""The most likely token is put into the grid, whatever choose says."""


# loses: test_sample_choose
# --- sample ---
def sample(prior, labels, choose):
    h, w = prior.grid
    grid = torch.zeros(len(labels), h, w, dtype=torch.int64)
    prior.eval()
    with torch.no_grad():
        for i in range(h):
            for j in range(w):
                z = prior(grid, labels)[:, :, i, j]
                choose(z)
                grid[:, i, j] = z.argmax(1)
    return grid
