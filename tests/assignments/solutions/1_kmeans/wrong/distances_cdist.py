"""Trusts `torch.cdist`, which expands the square by itself when there are more than 25 vectors."""
# loses: test_far


# --- squared_distances ---
def squared_distances(vectors, codes):
    return torch.cdist(vectors, codes) ** 2
