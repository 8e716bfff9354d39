"""Quantisers: one constructor signature, one return type. Swap one word, swap the method.

=====================  ==========================================  =======================
class                  what moves the codebook                     source
=====================  ==========================================  =======================
VectorQuantizer        gradient of the codebook loss               van den Oord 2017, Eq. 3
EMAVectorQuantizer     moving averages (online k-means)            van den Oord 2017, App. A
=====================  ==========================================  =======================
"""

from .base import Quantized, Quantizer
from .kmeans import assign, kmeans
from .vq import EMAVectorQuantizer, VectorQuantizer

BY_NAME = {"vq": VectorQuantizer, "ema": EMAVectorQuantizer}

__all__ = [
    "BY_NAME",
    "EMAVectorQuantizer",
    "Quantized",
    "Quantizer",
    "VectorQuantizer",
    "assign",
    "kmeans",
]
