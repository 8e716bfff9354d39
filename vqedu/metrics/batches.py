"""The images of a data set, a batch at a time."""

from collections.abc import Iterator

from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ..errors import InputError
from ..objectives import images_of


def batches(data: Dataset | Tensor, batch_size: int) -> Iterator[Tensor]:
    """(B, C, H, W) each, in the data's order.

    Args:
        data: yields images (C, H, W) or pairs (image, label); a tensor (N, C, H, W) does so.
        batch_size: B, at most.

    Raises:
        InputError: no images, or items of another kind.
    """
    x = None
    for batch in DataLoader(data, batch_size):
        x = images_of(batch)
        if not isinstance(x, Tensor) or x.ndim != 4:
            got = f"shape {tuple(x.shape[1:])}" if isinstance(x, Tensor) else type(x).__name__
            raise InputError(
                f"the data must yield images (C, H, W), alone or with labels; got {got}"
            )
        yield x
    if x is None:
        raise InputError("a data set without images cannot be measured")
