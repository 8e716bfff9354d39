"""vqedu: the companion package of a course on learned discrete representations.

The modules are meant to be read, in the order in which data flows through them::

    data -> backbones -> quantizers -> autoencoders -> perceptual, adversarial -> objectives
         -> priors -> checkpoints -> training -> metrics -> codec, export -> plots, widgets -> cli

They are loaded on first use, so that ``import vqedu`` itself stays quick.
"""

from importlib import import_module

__version__ = "0.1.0"

_MODULES = (
    "data",
    "backbones",
    "quantizers",
    "autoencoders",
    "perceptual",
    "adversarial",
    "objectives",
    "priors",
    "checkpoints",
    "training",
    "metrics",
    "codec",
    "export",
    "plots",
    "widgets",
    "doctor",
)
__all__ = [*_MODULES, "__version__"]


def __getattr__(name):
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
