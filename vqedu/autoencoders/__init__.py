"""VQ-VAE and VQGAN are the same autoencoder; what tells them apart is what they are trained for, in
:mod:`vqedu.objectives`. The VAE, which came before both, has no quantiser between its networks."""

from .vae import VAE, GaussianPosterior, vae
from .vq import VQAutoencoder, vqgan, vqvae

__all__ = ["VAE", "GaussianPosterior", "VQAutoencoder", "vae", "vqgan", "vqvae"]
