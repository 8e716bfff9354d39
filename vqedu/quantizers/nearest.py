"""Quantisers that choose the nearest code."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import processes
from .base import Quantized, Quantizer
from .kmeans import assign, kmeans


class NearestQuantizer(Quantizer):
    """Replaces each vector by the nearest code; the gradient goes straight through.

    A subclass gives :meth:`codes`; it may change what is compared (:meth:`prepare`), how the
    gradient passes (:meth:`pass_gradient`) and what is added to the loss (:meth:`combine`).
    """

    def quantize(self, vectors: Tensor) -> Quantized:
        z = self.prepare(vectors)
        if self.training:
            self.start(z.detach())
        codes = self.codes()
        indices = assign(z.detach(), codes.detach())  # Eq. 1, van den Oord 2017
        e = F.embedding(indices, codes)  # Eq. 2
        # Eq. 3, second and third term; before the straight-through line, which hides e
        codebook_loss = F.mse_loss(e, z.detach())
        commitment_loss = F.mse_loss(z, e.detach())
        loss = self.combine(codebook_loss, commitment_loss)
        z_q = self.pass_gradient(z, e.detach())
        return Quantized(z_q, indices, loss, codebook_loss, commitment_loss)

    def codes(self) -> Tensor:
        """(K, D), what the vectors are compared with and replaced by."""
        raise NotImplementedError

    def vectors_of(self, indices: Tensor) -> Tensor:
        return F.embedding(indices, self.codes())

    def prepare(self, vectors: Tensor) -> Tensor:
        """What is compared with the codes: the vectors (N, D) themselves, by default."""
        return vectors

    def pass_gradient(self, z: Tensor, e: Tensor) -> Tensor:
        """The value of the code e, with a gradient with respect to z: both (N, D)."""
        return z + (e - z).detach()  # straight-through, §3.2, van den Oord 2017

    def combine(self, codebook_loss: Tensor, commitment_loss: Tensor) -> Tensor:
        """The part of the training loss that belongs to the quantiser."""
        return codebook_loss + self.beta * commitment_loss

    def start(self, vectors: Tensor) -> None:
        """Called with (N, D) before each training batch is quantised. Does nothing by default."""


class CodebookQuantizer(NearestQuantizer):
    """Keeps its codes in ``codebook``, (K, D), where they can be put by k-means or revival.

    A subclass registers ``codebook`` as a parameter or a buffer, and says how the codes move
    otherwise than by gradient (:meth:`update`).
    """

    def __init__(self, num_codes: int, code_dim: int, **options):
        super().__init__(num_codes, code_dim, **options)
        self.register_buffer("initialised", torch.tensor(not self.kmeans_init))

    def first_codebook(self) -> Tensor:
        """(K, D) small random codes, in place until k-means or training moves them."""
        return torch.empty(self.num_codes, self.code_dim).uniform_(-1, 1) / self.num_codes

    def codes(self) -> Tensor:
        return self.codebook

    def update(self, vectors: Tensor, indices: Tensor) -> None:
        """Move the codebook otherwise than by gradient. (N, D), (N,). Does nothing by default."""

    def place(self, codes: Tensor, vectors: Tensor) -> None:
        """Put the codes (n,) at the given vectors (n, D)."""
        self.codebook.data[codes] = vectors

    @torch.no_grad()
    def start(self, vectors: Tensor) -> None:
        if self.initialised:
            return
        centres, _ = kmeans(processes.gathered(vectors), self.num_codes)
        everywhere = torch.arange(self.num_codes, device=vectors.device)
        self.place(everywhere, processes.from_first(centres))
        self.initialised.fill_(True)

    @torch.no_grad()
    def learn(self, vectors: Tensor, indices: Tensor) -> None:
        vectors = self.prepare(vectors)
        self.update(vectors, indices)
        if self.revive_after:
            self._revive(vectors)

    def _revive(self, vectors: Tensor) -> None:
        # The count goes on after a revival, which is not a use: the next comes as long after.
        due = (self.steps_unused > 0) & (self.steps_unused % self.revive_after == 0)
        dead = due.nonzero()[:, 0]
        if not len(dead):  # on every process: they count use together
            return
        vectors = processes.gathered(vectors)
        dead = dead[_shuffled(dead)[: len(vectors)]]
        self.place(dead, vectors[_shuffled(vectors)[: len(dead)]])


def _shuffled(tensor: Tensor) -> Tensor:
    """The positions 0 to n - 1 of a tensor in random order, the same on all processes."""
    return processes.from_first(torch.randperm(len(tensor), device=tensor.device))
