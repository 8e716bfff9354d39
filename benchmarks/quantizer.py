"""A training step of a quantiser: forward, backward, codebook update, and the largest tensor."""

import torch
import vector_quantize_pytorch
from timing import Row, in_turns, median, ratio
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vqedu.quantizers import EMAVectorQuantizer, VectorQuantizer

try:  # not among the requirements: it wants packages that nothing here needs
    from taming.modules.vqvae.quantize import VectorQuantizer2 as Taming
except ImportError:
    Taming = None

N, D = 16_384, 64  # 16 images of 32×32 positions


class LargestTensor(TorchDispatchMode):
    """Remembers the most bytes that a tensor had."""

    bytes = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        tensors = [x for x in tree_leaves(out) if isinstance(x, torch.Tensor)]
        self.bytes = max([self.bytes, *(x.numel() * x.element_size() for x in tensors)])
        return out


def contestants(num_codes: int) -> dict:
    torch.manual_seed(0)
    z_e, codebook = torch.randn(16, D, 32, 32), torch.randn(num_codes, D)
    weight = torch.randn_like(z_e)  # stands for the gradient that comes from the decoder
    vectors = z_e.movedim(1, -1).reshape(-1, D).contiguous()

    def matrix_product():
        return codebook[(vectors @ codebook.T).argmin(1)]

    ema = EMAVectorQuantizer(num_codes, D, kmeans_init=False)
    ema.codebook.copy_(codebook)
    vq = VectorQuantizer(num_codes, D, kmeans_init=False)
    vq.codebook.data.copy_(codebook)
    lucid = {"dim": D, "codebook_size": num_codes, "accept_image_fmap": True}
    lucid |= {"rotation_trick": False}
    peer = vector_quantize_pytorch.VectorQuantize(**lucid, decay=0.99)
    peer._codebook.embed.data.copy_(codebook[None])

    def ours(quantizer):
        def step():
            x = z_e.clone().requires_grad_()
            q = quantizer(x)
            ((q.z_q * weight).sum() + q.loss).backward()

        return step

    def lucidrains():
        x = z_e.clone().requires_grad_()
        z_q, _, loss = peer(x)
        ((z_q * weight).sum() + loss.sum()).backward()

    all_of_them = {
        "matrix product, argmin, gather": matrix_product,
        "vqedu, EMA codebook": ours(ema.train()),
        "vqedu, codebook by gradient": ours(vq.train()),
        "vector-quantize-pytorch, EMA codebook": lucidrains,
    }
    if Taming is not None:
        other = Taming(num_codes, D, beta=0.25, sane_index_shape=True)
        other.embedding.weight.data.copy_(codebook)

        def taming():
            x = z_e.clone().requires_grad_()
            z_q, loss, _ = other(x)
            ((z_q * weight).sum() + loss).backward()

        all_of_them["taming-transformers, codebook by gradient"] = taming
    return all_of_them


def run(repeats: int = 15) -> list[Row]:
    rows = []
    for num_codes in (1024, 8192):
        them = contestants(num_codes)
        reference = "matrix product, argmin, gather"
        seconds = in_turns(them, repeats if num_codes == 1024 else max(3, repeats // 3))
        for name, work in them.items():
            with LargestTensor() as largest:
                work()
            rows.append(
                Row(
                    f"K = {num_codes}: {name}",
                    median(seconds[name]),
                    ratio(seconds[name], seconds[reference]),
                    reference,
                    "<= 1.3" if name.startswith("vqedu") else "",
                    f"largest tensor {largest.bytes / 2**20:.0f} MiB",
                )
            )
    return rows
