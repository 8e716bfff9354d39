"""What all quantisers share: the return type, the checks, the look-up, the record of use."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from .. import processes
from ..errors import InputError


@dataclass(frozen=True)
class Quantized:
    """What a quantiser returns. B images, D channels, ``*S`` positions (h, w for an image).

    Attributes:
        z_q: (B, D, ``*S``), the chosen codes. The class says how its gradient comes to ``z_e``.
        indices: (B, ``*S``) int64, which code was chosen at each position; the residual quantiser
            has one more axis for its Q levels, (B, ``*S``, Q).
        loss: scalar; what to add to the reconstruction loss.
        codebook_loss: scalar, ``mean (sg[z_e] - e)²``: pulls codes to the encoder's outputs. The
            methods that have no such term put here what spreads their codes, or 0.
        commitment_loss: scalar, ``mean (z_e - sg[e])²``: pulls the encoder's outputs to codes;
            0 in the methods that have no such term.

    Both means run over all B·S·D numbers, as in the VQ-VAE paper's own code.
    """

    z_q: Tensor
    indices: Tensor
    loss: Tensor
    codebook_loss: Tensor
    commitment_loss: Tensor


class Quantizer(nn.Module):
    """Replaces each vector of a feature map by one of K codes.

    A subclass says how (:meth:`quantize`), what an index stands for (:meth:`vectors_of`), and what
    it learns besides from a training batch (:meth:`learn`). Under mixed precision (autocast)
    everything here runs in float32. Trained in several processes, each with its part of the
    batch, it learns what one process would learn from the whole batch.

    Args:
        num_codes: K, the size of the codebook.
        code_dim: D, the length of a code; the encoder must give D channels.
        beta: weight of the commitment term; 0.25 in the paper.
        decay: of the moving averages, where the method keeps any; 0.99 in the paper.
        kmeans_init: place the codes by k-means on the first training batch.
        revive_after: a code that no vector chose for this many training steps is moved onto a
            random vector of the current batch (after Dhariwal et al. 2020, §3.1, who
            go by mean use). 0: never.

    All quantisers take these; a class says which of them have no part in its method.

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
        self.beta, self.decay = beta, decay
        self.kmeans_init, self.revive_after = kmeans_init, revive_after
        self.register_buffer("steps_unused", torch.zeros(num_codes, dtype=torch.int64))
        self.register_buffer("steps", torch.tensor(0))  # training steps so far

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
            q = self.quantize(vectors)
            if self.training:
                self.count_use(q.indices)
                self.learn(vectors.detach(), q.indices)
        return replace(
            q,
            z_q=q.z_q.view(z.shape).movedim(-1, 1).to(z_e.dtype),  # (N, D) -> (B, D, *S)
            indices=q.indices.view(*z.shape[:-1], *q.indices.shape[1:]),  # (N, …) -> (B, *S, …)
        )

    def _apply(self, function, *arguments):
        """``model.half()`` and the like leave what is learned here in float32."""

        def apply(tensor: Tensor) -> Tensor:
            moved = function(tensor)
            return moved.float() if moved.is_floating_point() else moved

        return super()._apply(apply, *arguments)

    def quantize(self, vectors: Tensor) -> Quantized:
        """The same as calling the quantiser, on vectors (N, D), unchecked: z_q is (N, D)."""
        raise NotImplementedError

    def vectors_of(self, indices: Tensor) -> Tensor:
        """The codes of indices (…) in [0, K), unchecked: (…, D)."""
        raise NotImplementedError

    def learn(self, vectors: Tensor, indices: Tensor) -> None:
        """Learn from a training batch otherwise than by gradient. (N, D), (N,). By default not
        at all."""

    @torch.no_grad()
    def count_use(self, indices: Tensor) -> None:
        """Note a training step, and which codes it used on any process."""
        self.steps += 1
        used = processes.summed(indices.bincount(minlength=self.num_codes)) > 0
        self.steps_unused.add_(1).masked_fill_(used, 0)

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
        with torch.autocast(device_type=indices.device.type, enabled=False):
            return self.vectors_of(indices.long()).movedim(-1, 1)

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
        # A finite sum has finite terms, and costs a fraction of looking at each of them.
        if not z_e.detach().sum().isfinite() and not z_e.isfinite().all():
            raise InputError(
                "the encoder's output holds NaN or infinity: the learning rate may be too high, "
                "or the input images are not finite"
            )
