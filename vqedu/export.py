"""ONNX, so that a model runs where there is no Python: in the reader's browser."""

import contextlib
import copy
import io
import warnings
from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor, nn

from .autoencoders import VQAutoencoder
from .codec.files import write_whole
from .errors import InputError
from .quantizers import BY_NAME, LFQ, Quantizer, ResidualQuantizer
from .quantizers.nearest import NearestQuantizer

OPSET = 20


class Encode(nn.Module):
    """Images -> indices, as ``model.tokens`` does, without its checks: a graph has no branches
    that depend on values."""

    def __init__(self, model: VQAutoencoder):
        super().__init__()
        self.encoder, self.quantizer = model.encoder, model.quantizer

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) in [-1, 1] -> (B, h, w) int64, or (B, h, w, Q)."""
        z = self.encoder(image).movedim(1, -1)  # (B, D, h, w) -> (B, h, w, D)
        indices = choose(self.quantizer, z.flatten(0, 2))  # (B, h, w, D) -> (N, D)
        return indices.view(*z.shape[:3], *indices.shape[1:])  # (N, …) -> (B, h, w, …)


class Decode(nn.Module):
    """Indices -> images, as ``model.decode_indices`` does, without its checks."""

    def __init__(self, model: VQAutoencoder):
        super().__init__()
        self.decoder, self.quantizer = model.decoder, model.quantizer

    def forward(self, indices: Tensor) -> Tensor:
        """(B, h, w) int64 in [0, K), or (B, h, w, Q) -> (B, C, H, W) in [-1, 1]."""
        return self.decoder(self.quantizer.vectors_of(indices).movedim(-1, 1)).clamp(-1, 1)


def choose(quantizer: Quantizer, vectors: Tensor) -> Tensor:
    """The indices of vectors (N, D) in one piece: the quantisers' own search goes in slices, whose
    number depends on N, and a graph is made for all N."""
    if isinstance(quantizer, ResidualQuantizer):
        found = []
        for level in quantizer.levels:
            found.append(choose(level, vectors))
            vectors = vectors - level.vectors_of(found[-1])
        return torch.stack(found, 1)
    if isinstance(quantizer, NearestQuantizer):
        z, e = quantizer.prepare(vectors), quantizer.codes()
        z, e = z - e.mean(0), e - e.mean(0)  # as in assign: far from the origin digits are lost
        return (z @ e.T - e.square().sum(1) / 2).argmax(1)  # Eq. 1, van den Oord 2017
    if isinstance(quantizer, LFQ):  # the loss that it works out besides cannot be drawn as a graph
        return quantizer.indices_of((quantizer.project_in(vectors) > 0).long())  # Eq. 3, Yu 2023
    return quantizer.quantize(vectors).indices


def to_onnx(model: VQAutoencoder, folder: str | Path) -> tuple[Path, Path]:
    """Write ``encoder.onnx`` and ``decoder.onnx``, each whole or not at all.

    ============  ===============================================  =============================
    file          input                                            output
    ============  ===============================================  =============================
    encoder.onnx  ``image``, float32 (batch, C, height, width) in  ``indices``, int64
                  [-1, 1]; both sides multiples of the stride      (batch, rows, columns[, Q])
    decoder.onnx  ``indices``, the same, in [0, K)                 ``image``, the same, clamped
    ============  ===============================================  =============================

    Batch and sides are free. Weights are inside the files, float32, opset 20; ONNX Runtime gives
    PyTorch's values up to rounding (so an index may differ where two codes are equally near).
    Takes 10 to 60 seconds, most of them the tracing.

    Args:
        model: a trained autoencoder, with any of ``quantizers.BY_NAME``.
        folder: existing.

    Returns:
        the two paths.

    Raises:
        InputError: a quantiser of another kind; the packages ``onnx`` and ``onnxscript`` are
            not installed.
        DataError: a file cannot be written.

    Used by the site's playground.
    """
    kind = type(getattr(model, "quantizer", None))
    if kind not in BY_NAME.values():
        raise InputError(f"to_onnx knows the quantisers {', '.join(BY_NAME)}; got {kind.__name__}")
    for package in ("onnx", "onnxscript"):
        try:
            import_module(package)
        except ImportError as error:
            raise InputError(f'export needs {package}: pip install "vqedu[export]"') from error
    model, folder, side = copy.deepcopy(model).cpu(), Path(folder), 8 * model.stride
    # Sizes that differ from one another, and from 1, or the tracer takes two for the same.
    image = torch.zeros(2, model.in_channels, side, side + model.stride)
    indices = model.tokens(image)
    graphs = {
        "encoder": _graph(Encode(model), image=image, axes=("batch", None, "height", "width")),
        "decoder": _graph(Decode(model), indices=indices, axes=("batch", "rows", "columns")),
    }
    paths = folder / "encoder.onnx", folder / "decoder.onnx"
    for path, content in zip(paths, graphs.values(), strict=True):
        write_whole(path, content)
    return paths


def _graph(module: nn.Module, axes: tuple[str | None, ...], **example: Tensor) -> bytes:
    ((name, tensor),) = example.items()
    # The exporter prints its progress, and warns of its own old parts.
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(action="ignore"):
        program = torch.onnx.export(
            module.eval(),
            (tensor,),
            input_names=[name],
            output_names=["indices" if name == "image" else "image"],
            dynamic_shapes=({i: axis for i, axis in enumerate(axes) if axis},),
            dynamo=True,
            opset_version=OPSET,
            external_data=False,
            verbose=False,
        )
    return _without_traces(program.model_proto).SerializeToString()


def _without_traces(model):
    """The exporter notes at each node where in which source file it comes from: paths of this
    machine, and half of a small model's bytes."""
    graph = model.graph
    parts = (graph.node, graph.value_info, graph.input, graph.output, graph.initializer)
    for part in (model, graph, *(part for group in parts for part in group)):
        del part.metadata_props[:]
        part.doc_string = ""
    return model
