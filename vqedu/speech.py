"""A VQ-VAE for speech whose decoder is told who speaks, and what its codes still say about it.

What the decoder knows already need not be in the codes. Told who speaks, it leaves them room for
what is said; and told another voice, it says the same in that one.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import quantizers
from .backbones.sequence import SequenceDecoder, SequenceEncoder
from .data import SoundSet
from .errors import InputError
from .inference import device_of, evaluating
from .objectives import Loss, Objective, detached, mean_psnr, pixel_distance, watched
from .quantizers import Quantized, Quantizer
from .sound import BANDS, log_mel


class SpeechVQVAE(nn.Module):
    """A log-mel spectrogram goes in, a sequence of indices comes out, and from it and a speaker a
    spectrogram again.

    Args:
        encoder: (B, M, T) in [-1, 1] -> (B, D, t).
        quantizer: any :class:`~vqedu.quantizers.Quantizer` with ``code_dim`` D.
        decoder: (B, D + S, t) -> (B, M, T).
        voices: how many speakers there are.
        speaker_dim: S, the length of the vector that stands for one.

    Source: van den Oord et al. 2017, §4.3, whose decoder is a WaveNet: here it is the mirror image
    of the encoder. Built up in ``chapters/08_applications``.
    """

    def __init__(
        self,
        encoder: nn.Module,
        quantizer: Quantizer,
        decoder: nn.Module,
        voices: int,
        speaker_dim: int,
    ):
        super().__init__()
        self.encoder, self.quantizer, self.decoder = encoder, quantizer, decoder
        self.speakers = nn.Embedding(voices, speaker_dim)

    def forward(self, x: Tensor, speaker: Tensor) -> tuple[Tensor, Quantized]:
        """(B, M, T) and (B,) int64 -> the reconstruction, not clamped, and what the quantiser
        returned."""
        quantized = self.encode(x)
        return self.decode(quantized.z_q, speaker), quantized

    def encode(self, x: Tensor) -> Quantized:
        """(B, M, T) -> codes (B, D, t) and indices (B, t). Nobody tells who speaks."""
        return self.quantizer(self.encoder(x))

    def decode(self, z_q: Tensor, speaker: Tensor) -> Tensor:
        """(B, D, t) codes and (B,) int64 -> (B, M, T), not clamped.

        The speaker's vector stands beside the code at each of the t places.
        """
        who = self.speakers(speaker)[:, :, None].expand(-1, -1, z_q.shape[2])  # (B, S, t)
        return self.decoder(torch.cat([z_q, who], dim=1))

    # The next two move their input to the model's device, and learn nothing in any mode.

    def codes(self, x: Tensor) -> Quantized:
        """(B, M, T) -> what :meth:`encode` returns, on the model's device.

        Raises:
            InputError: as the encoder and the quantiser do, for a wrong shape or NaN.
        """
        with evaluating(self):
            return self.encode(x.to(device_of(self)))

    def convert(self, x: Tensor, speaker: int | Tensor) -> Tensor:
        """The same words in a voice: (B, M, T) -> (B, M, T), clamped to [-1, 1].

        Args:
            x: what somebody says, whoever that is.
            speaker: who is to say it: one for all, or (B,) int64.

        Raises:
            InputError: no such speaker, or as :meth:`codes`.
        """
        speaker = torch.as_tensor(speaker, device=device_of(self)).expand(len(x))
        voices = self.speakers.num_embeddings
        if speaker.min() < 0 or speaker.max() >= voices:
            raise InputError(
                f"speakers must lie in [0, {voices}); "
                f"got {speaker.min().item()} to {speaker.max().item()}"
            )
        with evaluating(self):
            return self.decode(self.codes(x).z_q, speaker).clamp(-1, 1)


def speech_vqvae(
    voices: int,
    *,
    num_codes: int = 64,
    code_dim: int = 16,
    width: int = 64,
    speaker_dim: int = 16,
    quantizer: str = "ema",
    **quantizer_options,
) -> SpeechVQVAE:
    """A speech VQ-VAE, ready to train; one code for four frames.

    Args:
        voices: how many speakers the decoder knows.
        num_codes: K.
        code_dim: D.
        width: channels inside the networks.
        speaker_dim: S.
        quantizer: one of the keys of ``vqedu.quantizers.BY_NAME``.
        quantizer_options: passed on to the quantiser: ``beta``, ``decay``, …

    Raises:
        InputError: an unknown quantiser.
    """
    config = {"voices": voices, "num_codes": num_codes, "code_dim": code_dim, "width": width}
    config |= {"speaker_dim": speaker_dim, "quantizer": quantizer, **quantizer_options}
    model = SpeechVQVAE(
        SequenceEncoder(BANDS, code_dim, width),
        quantizers.build(quantizer, num_codes, code_dim, **quantizer_options),
        SequenceDecoder(BANDS, code_dim + speaker_dim, width),
        voices,
        speaker_dim,
    )
    model.config = {"builder": "speech_vqvae", **config}
    return model


class SpeechObjective(Objective):
    """What :class:`~vqedu.objectives.VQVAEObjective` minimises, with a speaker for the decoder.

    Args:
        data_variance: σ², the variance of the spectrograms' numbers; above 0.

    Source: van den Oord et al. 2017, Eq. 3.
    """

    def __init__(self, data_variance: float):
        super().__init__()
        self.distance = pixel_distance("squared", data_variance)

    def forward(self, model: nn.Module, batch) -> Loss:
        """``batch``: (spectrograms (B, M, T), speakers (B,) int64)."""
        x, speaker = batch
        x_hat, q = model(x, speaker)
        nll = self.distance(x_hat, x)
        total = nll + q.loss  # Eq. 3
        return Loss(total, detached(loss=total, reconstruction=nll) | watched(model, x, x_hat, q))


class Probe(nn.Module):
    """A linear classifier: what can be read off given numbers by weighing them up.

    What it finds is there. What it misses may still be there, in a form that it cannot read.

    Args:
        features: (N, …), flattened and brought to mean 0 and variance 1.
        labels: (N,) int64.
        penalty: weight of the mean of the squared weights; keeps it from learning noise by heart.

    Used in ``chapters/08_applications``.
    """

    def __init__(self, features: Tensor, labels: Tensor, penalty: float = 1.0):
        super().__init__()
        x, labels = features.detach().float().flatten(1).cpu(), labels.cpu()
        self.mean, self.scale = x.mean(0), x.std(0).clamp(min=1e-3)
        self.linear = nn.Linear(x.shape[1], int(labels.max()) + 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        optimizer = torch.optim.LBFGS(
            self.parameters(), max_iter=100, line_search_fn="strong_wolfe"
        )

        def loss():
            optimizer.zero_grad()
            nll = F.cross_entropy(self(x), labels)
            total = nll + penalty * self.linear.weight.square().mean()
            total.backward()
            return total

        optimizer.step(loss)
        self.requires_grad_(False)

    def forward(self, features: Tensor) -> Tensor:
        """(N, …) -> logits (N, classes), on the CPU."""
        x = features.detach().float().flatten(1).cpu()
        return self.linear((x - self.mean) / self.scale)

    def accuracy(self, features: Tensor, labels: Tensor) -> float:
        """Share of the features (N, …) in which it finds the labels (N,)."""
        return (self(features).argmax(1) == labels.cpu()).float().mean().item()


def measure(model: SpeechVQVAE, train: SoundSet, test: SoundSet) -> dict[str, float]:
    """How well a model reconstructs and converts sounds that it was not trained on.

    Each test clip is converted into another voice, and two probes that learned from the training
    clips' spectrograms listen: is the new voice heard, the old one, the same word?

    Args:
        model: trained on ``train``.
        train: what the probes learn from.
        test: what is converted; voices that the model does not know are left out.

    Returns:
        ``psnr`` of the spectrograms in dB, ``bits_per_sound``, ``codes_used``, and the shares
        ``digit_heard``, ``voice_heard`` and ``source_heard``.
    """
    voices = model.speakers.num_embeddings
    test = test.subset(test.speakers < voices)
    x, y = log_mel(train.waves), log_mel(test.waves)
    words, ears = Probe(x, train.labels), Probe(x, train.speakers)
    shift = 1 + torch.arange(len(test)) % (voices - 1)  # never 0: another voice
    wanted = (test.speakers + shift) % voices
    made, indices = model.convert(y, wanted).cpu(), model.codes(y).indices
    return {
        "psnr": mean_psnr(y, model.convert(y, test.speakers).cpu()).item(),
        "bits_per_sound": indices[0].numel() * math.log2(model.quantizer.num_codes),
        "codes_used": indices.unique().numel() / model.quantizer.num_codes,
        "digit_heard": words.accuracy(made, test.labels),
        "voice_heard": ears.accuracy(made, wanted),
        "source_heard": ears.accuracy(made, test.speakers),
    }
