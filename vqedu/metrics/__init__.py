"""Measured over a whole data set, never per batch; through torchmetrics where it has the measure.

========================  ===================================================================
:func:`evaluate`          everything about an autoencoder's reconstructions, in one report
:func:`code_usage`        how many codes are used, and how evenly
:func:`frechet_distance`  two sets of images, compared through the features of a named network
:func:`sharpness`         how much of the fine detail is left, or too much of it
========================  ===================================================================
"""

from .evaluators import EVALUATORS, Evaluator, load_evaluator
from .frechet import Distance, frechet_distance
from .report import Report, evaluate, tokenize
from .spectrum import gradient_spectrum, sharpness
from .usage import CodeUsage, code_usage

__all__ = [
    "EVALUATORS",
    "CodeUsage",
    "Distance",
    "Evaluator",
    "Report",
    "code_usage",
    "evaluate",
    "frechet_distance",
    "gradient_spectrum",
    "load_evaluator",
    "sharpness",
    "tokenize",
]
