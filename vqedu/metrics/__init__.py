"""Measured over a whole data set, never per batch; through torchmetrics where it has the measure.

========================  ===================================================================
:func:`evaluate`          everything about an autoencoder's reconstructions, in one report
:func:`code_usage`        how many codes are used, and how evenly
:func:`frechet_distance`  two sets of images, compared through the features of a named network
:func:`sharpness`         how much of the fine detail is left, or too much of it
:func:`cost`              weights, multiplications and memory, counted without running
:func:`in_turn`           the time of several functions, fairly
========================  ===================================================================
"""

from .cost import Cost, cost, in_turn
from .evaluators import EVALUATORS, Evaluator, load_evaluator
from .frechet import Distance, frechet_distance
from .report import Report, evaluate, tokenize
from .spectrum import gradient_spectrum, sharpness
from .usage import CodeUsage, code_usage

__all__ = [
    "EVALUATORS",
    "CodeUsage",
    "Cost",
    "Distance",
    "Evaluator",
    "Report",
    "code_usage",
    "cost",
    "evaluate",
    "frechet_distance",
    "gradient_spectrum",
    "in_turn",
    "load_evaluator",
    "sharpness",
    "tokenize",
]
