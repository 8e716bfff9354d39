"""What every encoder asks of its input."""

from torch import Tensor

from ..errors import InputError


def check_images(x: Tensor, channels: int, stride: int) -> None:
    """Raise InputError unless x is floating point (B, C, H, W), H and W multiples of the stride."""
    if x.ndim != 4 or x.shape[2] % stride or x.shape[3] % stride or 0 in x.shape:
        raise InputError(
            "the encoder needs images (B, C, H, W) with H and W multiples of "
            f"{stride}; got {tuple(x.shape)}"
        )
    if x.shape[1] != channels:
        raise InputError(f"this encoder was built for {channels} channels; got {x.shape[1]}")
    if not x.is_floating_point():
        raise InputError(f"the encoder needs floating-point images in [-1, 1]; got {x.dtype}")
