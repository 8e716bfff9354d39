"""Seconds of training until a PSNR is reached on Fashion-MNIST's test images.

One contestant is the network of Sonnet's VQ-VAE example with its published settings: width 128,
D = 64, batch 32, Adam with 3e-4, moving averages of decay 0.99, and nothing else. The other is this
package's network of half the width, with k-means start, revival of dead codes, warm-up and cosine,
and a learning rate of 4e-3. Both have K = 512 codes and 7×7 tokens, so the same bits; both run on
this package's code, so that the difference is in network and settings alone.
"""

import time

import torch
from timing import Row

from vqedu import data, training
from vqedu.autoencoders import vqvae
from vqedu.objectives import VQVAEObjective, mean_psnr

PSNR = 21.0  # dB, on 1,000 test images
EVERY = 25  # steps between two looks; their time does not count
MOST = 3_000  # steps, after which a contestant has failed


class Reached(Exception):
    pass


def seconds_to(model, train, test, target: float, **settings) -> tuple[float, int, float]:
    """Seconds and steps until ``target``, and the PSNR then."""
    x, looking, start = test.tensor(), 0.0, None
    best = (float("nan"), 0, 0.0)

    def look(step, history):
        nonlocal looking, best
        if step % EVERY:
            return
        begun = time.perf_counter()
        psnr = mean_psnr(x, model.reconstruct(x)).item()
        looking += time.perf_counter() - begun
        best = (time.perf_counter() - start - looking, step, psnr)
        if psnr >= target or step >= MOST:
            raise Reached

    start = time.perf_counter()
    try:
        objective = VQVAEObjective(train.variance)
        training.fit(model, objective, train, progress=False, on_step=look, **settings)
    except Reached:
        pass
    return best


def run(repeats: int = 3) -> list[Row]:
    train, test = data.load("fashion"), data.load("fashion", "test").subset(1000)
    results = {"sonnet": [], "vqedu": []}
    for seed in range(repeats):
        torch.manual_seed(seed)
        model = vqvae(num_codes=512, code_dim=64, width=128, kmeans_init=False, revive_after=0)
        # warmup=0 and so many steps that the cosine stays near 1: a constant learning rate
        settings = {"steps": 20 * MOST, "batch_size": 32, "lr": 3e-4, "warmup": 0, "average": None}
        results["sonnet"].append(seconds_to(model, train, test, PSNR, seed=seed, **settings))
        torch.manual_seed(seed)
        model = vqvae(num_codes=512, code_dim=16, width=64, decay=0.95)
        settings = {"steps": 900, "batch_size": 32, "lr": 4e-3}
        results["vqedu"].append(seconds_to(model, train, test, PSNR, seed=seed, **settings))
    (slow, slow_steps, _), (fast, fast_steps, psnr) = (
        sorted(results[name])[repeats // 2] for name in ("sonnet", "vqedu")
    )
    reached = psnr >= PSNR
    return [
        Row(f"Sonnet's network and settings, until {PSNR:g} dB", slow, note=f"{slow_steps} steps"),
        Row(
            f"half the width, quicker settings, until {PSNR:g} dB",
            fast,
            fast / slow if reached else None,
            "Sonnet's",
            "<= 0.5",
            f"{fast_steps} steps" if reached else f"not reached: {psnr:.2f} dB",
        ),
    ]
