"""What all quantisers share: the return type, the checks, the look-up, the care for dead codes."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError
from .kmeans import assign, kmeans


@dataclass(frozen=True)
class Quantized:
    """What a quantiser returns. B images, D channels, ``*S`` positions (h, w for an image).

    Attributes:
        z_q: (B, D, ``*S``), the chosen codes. Its gradient goes straight to ``z_e``.
        indices: (B, ``*S``) int64, which code was chosen at each position.
        loss: scalar; what to add to the reconstruction loss.
        codebook_loss: scalar, ``mean (sg[z_e] - e)²``: pulls codes to the encoder's outputs.
        commitment_loss: scalar, ``mean (z_e - sg[e])²``: pulls the encoder's outputs to codes.

    Both means run over all B·S·D numbers, as in the paper's own code.
    """

    z_q: Tensor
    indices: Tensor
    loss: Tensor
    codebook_loss: Tensor
    commitment_loss: Tensor


class Quantizer(nn.Module):
    """Replaces each vector of a feature map by the nearest entry of a codebook.

    A subclass says what is added to the loss (:meth:`combine`) and how the codebook moves
    besides (:meth:`update`). Under mixed precision (autocast) everything here runs in float32.

    Args:
        num_codes: K, the size of the codebook.
        code_dim: D, the length of a code; the encoder must give D channels.
        beta: weight of the commitment term; 0.25 in the paper.
        decay: of the moving averages, where the method keeps any; 0.99 in the paper.
        kmeans_init: place the codes by k-means on the first training batch.
        revive_after: a code that no vector chose for this many training steps is moved onto a
            random vector of the current batch (Dhariwal et al. 2020, §3.1). 0: never.

    Raises:
        InputError: a size below 1, ``beta`` below 0, ``decay`` outside [0, 1).

    Derived in ``chapters/05_vqvae``.
    """

    def __init__(
        self,
        num_codes: int,
        code_dim: int,
        *,
        beta: float = 0.25,
        decay: float = 0.99,
        kmeans_init: bool = True,
        revive_after: int = 100,
    ):
        super().__init__()
        if num_codes < 1 or code_dim < 1:
            raise InputError(f"num_codes and code_dim must be >= 1; got {num_codes}, {code_dim}")
        if beta < 0 or not 0 <= decay < 1 or revive_after < 0:
            raise InputError(
                "beta and revive_after must be >= 0 and decay in [0, 1); "
                f"got beta={beta}, revive_after={revive_after}, decay={decay}"
            )
        self.num_codes, self.code_dim = num_codes, code_dim
        self.beta, self.decay, self.revive_after = beta, decay, revive_after
        self.register_buffer("steps_unused", torch.zeros(num_codes, dtype=torch.int64))
        self.register_buffer("initialised", torch.tensor(not kmeans_init))
        self.register_buffer("steps", torch.tensor(0))  # training steps so far

    def first_codebook(self) -> Tensor:
        """(K, D) small random codes, in place until k-means or training moves them."""
        return torch.empty(self.num_codes, self.code_dim).uniform_(-1, 1) / self.num_codes

    def forward(self, z_e: Tensor) -> Quantized:
        """Quantise a feature map.

        Args:
            z_e: (B, D, ``*S``) floating point, finite: the encoder's output.

        Raises:
            InputError: another shape, not floating point, or NaN or infinity inside.
        """
        self._check(z_e)
        with torch.autocast(device_type=z_e.device.type, enabled=False):
            z = z_e.float().movedim(1, -1)  # (B, D, *S) -> (B, *S, D)
            vectors = z.reshape(-1, self.code_dim)  # (B, *S, D) -> (N, D)
            if self.training and not self.initialised:
                self._initialise(vectors.detach())
            indices = assign(vectors.detach(), self.codebook.detach())  # Eq. 1, van den Oord 2017
            e = F.embedding(indices, self.codebook).view_as(z)  # Eq. 2
            # Eq. 3, second and third term; before the straight-through line, which hides e
            codebook_loss = F.mse_loss(e, z.detach())
            commitment_loss = F.mse_loss(z, e.detach())
            loss = self.combine(codebook_loss, commitment_loss)
            if self.training:
                self._after_choice(vectors.detach(), indices)
            z_q = z + (e - z).detach()  # straight-through: value of e, gradient of z
        return Quantized(
            z_q.movedim(-1, 1).to(z_e.dtype),
            indices.view(z.shape[:-1]),
            loss,
            codebook_loss,
            commitment_loss,
        )

    def combine(self, codebook_loss: Tensor, commitment_loss: Tensor) -> Tensor:
        """The part of the training loss that belongs to the quantiser."""
        raise NotImplementedError

    def update(self, vectors: Tensor, indices: Tensor) -> None:
        """Move the codebook otherwise than by gradient. (N, D), (N,). Does nothing by default."""

    def place(self, codes: Tensor, vectors: Tensor) -> None:
        """Put the codes (n,) at the given vectors (n, D)."""
        self.codebook.data[codes] = vectors

    def lookup(self, indices: Tensor) -> Tensor:
        """The codes of a grid of indices: (B, ``*S``) integers -> (B, D, ``*S``).

        Raises:
            InputError: not integers, or an index outside [0, K).
        """
        if indices.is_floating_point() or indices.dtype == torch.bool:
            raise InputError(f"indices must be integers; got {indices.dtype}")
        if indices.numel() and (indices.min() < 0 or indices.max() >= self.num_codes):
            raise InputError(
                f"indices must lie in [0, {self.num_codes}); "
                f"got {indices.min().item()} to {indices.max().item()}"
            )
        return F.embedding(indices, self.codebook).movedim(-1, 1)

    @property
    def recently_used(self) -> float:
        """Share of the codes that were chosen at least once in the last 100 training steps, or
        in all steps while there were fewer."""
        return (self.steps_unused < self.steps.clamp(max=100)).float().mean().item()

    def extra_repr(self) -> str:
        return f"num_codes={self.num_codes}, code_dim={self.code_dim}, beta={self.beta}"

    def _check(self, z_e: Tensor) -> None:
        if z_e.ndim < 2 or z_e.shape[1] != self.code_dim:
            raise InputError(
                f"the quantiser needs (B, {self.code_dim}, ...), channels second; "
                f"got {tuple(z_e.shape)}"
            )
        if not z_e.is_floating_point():
            raise InputError(f"the quantiser needs floating-point features; got {z_e.dtype}")
        if z_e.numel() == 0:
            raise InputError(f"the quantiser got no vectors: shape {tuple(z_e.shape)}")
        if not torch.isfinite(z_e).all():
            raise InputError(
                "the encoder's output holds NaN or infinity: the learning rate may be too high, "
                "or the input images are not finite"
            )

    @torch.no_grad()
    def _initialise(self, vectors: Tensor) -> None:
        codebook, _ = kmeans(vectors, self.num_codes)
        self.place(torch.arange(self.num_codes, device=vectors.device), codebook)
        self.initialised.fill_(True)

    @torch.no_grad()
    def _after_choice(self, vectors: Tensor, indices: Tensor) -> None:
        self.steps += 1
        self.update(vectors, indices)
        self.steps_unused += 1
        self.steps_unused[indices] = 0
        if not self.revive_after:
            return
        # The count goes on after a revival, which is not a use: the next comes as long after.
        due = (self.steps_unused > 0) & (self.steps_unused % self.revive_after == 0)
        dead = due.nonzero()[:, 0]
        dead = dead[torch.randperm(len(dead), device=dead.device)[: len(vectors)]]
        if len(dead):
            chosen = torch.randperm(len(vectors), device=vectors.device)[: len(dead)]
            self.place(dead, vectors[chosen])
