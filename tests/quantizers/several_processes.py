"""What one of several training processes does in test_several_processes.py; also run alone.

Command line: rank, count, the file to meet at, the folder for the results.
"""

import sys

import torch
import torch.distributed as dist

from vqedu import processes
from vqedu.quantizers import BY_NAME

STEPS, K, D = 12, 16, 4
CASES = {
    "ema": {"decay": 0.8, "revive_after": 3},
    "vq": {"revive_after": 3},
    "cosine": {"revive_after": 3},
    "residual": {"num_quantizers": 2, "decay": 0.8, "revive_after": 4},
    "lfq": {"temperature": 1.0},
    "sim": {},
}


def batches():
    """(STEPS, 8, D, 3, 2): the whole batch of every step. They wander off, so that codes die."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(STEPS, 8, D, 3, 2, generator=generator)
    return noise + torch.arange(STEPS).view(-1, 1, 1, 1, 1)


def averaged(gradient):
    """As data-parallel training does it."""
    return processes.summed(gradient) / processes.count()


def train(name, rank, count):
    """-> indices of each step, and the state in the end."""
    torch.manual_seed(5)
    quantizer = BY_NAME[name](K, D, **CASES[name])  # the same start everywhere
    torch.manual_seed(100 + rank)  # but each process draws its own numbers
    indices = []
    for batch in batches():
        z = batch.chunk(count)[rank]
        q = quantizer(z)
        indices.append(q.indices)
        parameters = list(quantizer.parameters())
        if parameters:
            gradients = torch.autograd.grad(q.loss, parameters, allow_unused=True)
            for p, g in zip(parameters, gradients, strict=True):
                if g is not None:
                    p.data -= averaged(g)
    return torch.stack(indices), quantizer.state_dict()


def lfq_gradient(rank, count):
    """Of the entropies, with respect to this process's share of the whole batch."""
    z = batches()[0].chunk(count)[rank].clone().requires_grad_()
    loss = BY_NAME["lfq"](K, D, temperature=1.0)(z).codebook_loss
    loss.backward()
    return loss.detach(), z.grad / count


def results(rank=0, count=1):
    out = {name: train(name, rank, count) for name in CASES}
    return out | {"gradient": lfq_gradient(rank, count)}


if __name__ == "__main__":
    rank, count = int(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{sys.argv[3]}", rank=rank, world_size=count)
    torch.save(results(rank, count), f"{sys.argv[4]}/{rank}.pt")
    dist.destroy_process_group()
