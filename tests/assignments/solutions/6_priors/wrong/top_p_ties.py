"""Codes as likely as the last one that is kept stay, too."""


# loses: test_top_p_ends
# --- top_p ---
def top_p(logits, p):
    q = logits.softmax(1)
    larger = (q[:, None, :] > q[:, :, None]).float()  # (B, k, j): j is likelier than k
    before = torch.einsum("bkj,bj->bk", larger, q)
    return logits + torch.where(before < p, 0.0, -math.inf)
