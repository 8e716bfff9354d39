"""Sound in the page. The browser plays it alone: no kernel, no JavaScript, no network."""

import base64
import html
import io
import wave

from IPython.display import HTML
from torch import Tensor

from ..errors import InputError


def players(sounds: dict[str, Tensor], rate: int = 8_000) -> HTML:
    """A row of audio players, each under its label.

    Args:
        sounds: label -> (T,) float in [-1, 1].
        rate: samples a second.

    Raises:
        InputError: no sounds, or one of another shape.

    Used in ``chapters/08_applications``.
    """
    if not sounds:
        raise InputError("players needs at least one sound")
    boxes = "".join(
        f'<div style="width: 15em"><p style="margin: 0">{html.escape(label)}</p>'
        f'<audio controls style="width: 100%" aria-label="{html.escape(label)}" '
        f'src="data:audio/wav;base64,{_wav(sound, rate)}"></audio></div>'
        for label, sound in sounds.items()
    )
    style = "display: flex; flex-wrap: wrap; gap: 0.8em 1.2em"
    return HTML(f'<div class="players" style="{style}">{boxes}</div>')


def _wav(sound: Tensor, rate: int) -> str:
    """A WAV file of 16 bits, in base64."""
    if sound.ndim != 1 or sound.numel() == 0 or not sound.is_floating_point():
        raise InputError(
            f"a sound must be floating-point (T,); got {sound.dtype} {tuple(sound.shape)}"
        )
    steps = (sound.detach().cpu().clamp(-1, 1) * 32767).round().short().numpy()
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(steps.astype("<i2").tobytes())
    return base64.b64encode(buffer.getvalue()).decode()
