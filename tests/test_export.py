"""What the browser will run gives what PyTorch gives."""

import os
import sys

import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from vqedu import export
from vqedu.autoencoders import vqvae
from vqedu.errors import DataError, InputError
from vqedu.export import _graph, choose, to_onnx
from vqedu.quantizers import BY_NAME

GRAPH = b"a graph"


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = vqvae(in_channels=3, num_codes=16, code_dim=4, width=8).train()
    model(torch.rand(8, 3, 16, 16) * 2 - 1)  # k-means places the codes
    model.decoder[-1].weight.data.mul_(30)
    return model.to(memory_format=torch.channels_last)


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    folder = tmp_path_factory.mktemp("onnx")
    paths = to_onnx(model, str(folder))
    assert [path.name for path in paths] == ["encoder.onnx", "decoder.onnx"]
    assert sorted(os.listdir(folder)) == ["decoder.onnx", "encoder.onnx"]
    assert all(part.training for part in model.modules())
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    return [onnxruntime.InferenceSession(path) for path in paths], paths


@pytest.mark.parametrize("shape", [(1, 3, 28, 28), (5, 3, 8, 20), (2, 3, 12, 8)])
def test_same_as_in_pytorch(exported, model, shape):
    (encoder, decoder), _ = exported
    x = torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    (indices,) = encoder.run(["indices"], {"image": x.numpy()})
    expected = model.tokens(x)
    assert expected.unique().numel() > 1
    assert indices.dtype == "int64"
    assert torch.equal(torch.from_numpy(indices), expected)
    (image,) = decoder.run(["image"], {"indices": indices})
    expected = model.decode_indices(expected)
    assert expected.abs().max() == 1  # clamping has a part in it
    assert expected.abs().min() < 1
    torch.testing.assert_close(torch.from_numpy(image), expected, rtol=1e-4, atol=1e-5)


def test_files(exported):
    _, paths = exported
    for path in paths:
        content = onnx.load(path)
        onnx.checker.check_model(content, full_check=True)
        assert content.opset_import[0].version == 20
        assert b".py" not in path.read_bytes()  # nothing of the machine it was made on


class Several(nn.Module):
    """Quantisers side by side: their indices, and what these stand for."""

    def __init__(self, quantizers):
        super().__init__()
        self.quantizers = nn.ModuleList(quantizers)

    def forward(self, z):
        indices = [choose(q, z) for q in self.quantizers]
        vectors = [q.vectors_of(i) for q, i in zip(self.quantizers, indices, strict=True)]
        return torch.cat([i.view(len(z), -1).float() for i in indices] + vectors, 1)


def test_every_quantiser():
    """All of them by the functions that are exported, and as a graph those of another kind than
    the model's above."""
    torch.manual_seed(0)
    every = {name: kind(16, 4) for name, kind in BY_NAME.items()}
    z, expected = torch.randn(300, 4), {}
    for name, q in every.items():
        q.train()(torch.randn(200, 4))  # k-means places the codes
        indices = q.eval()(z).indices
        assert indices.unique().numel() > 1, name
        expected[name] = torch.cat([indices.view(300, -1).float(), q.lookup(indices)], 1)
        assert torch.equal(Several([q])(z), expected[name]), name
    others = [every[name] for name in ("fsq", "lfq", "residual")]
    graph = _graph(Several(others), image=torch.zeros(2, 4), axes=("batch", None))
    (found,) = onnxruntime.InferenceSession(graph).run(None, {"image": z.numpy()})
    found = torch.from_numpy(found)
    torch.testing.assert_close(found, Several(others)(z), rtol=1e-4, atol=1e-5)


def shape_of(value):
    return [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]


def test_axes_that_are_free(exported):
    encoder, decoder = (onnx.load(path).graph for path in exported[1])
    assert shape_of(encoder.input[0]) == ["batch", 3, "height", "width"]
    assert shape_of(decoder.input[0]) == ["batch", "rows", "columns"]


# --- what cannot be exported, or written ----------------------------------------------------------


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_missing_package(model, monkeypatch, tmp_path, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf'needs {package}: pip install "vqedu\[export\]"'):
        to_onnx(model, tmp_path)


def test_quantiser_it_does_not_know(model, tmp_path):
    class Other(type(model.quantizer)):
        pass

    other = vqvae(num_codes=4, code_dim=4, width=8)
    other.quantizer = Other(4, 4)
    with pytest.raises(InputError, match=r"knows the quantisers vq, ema, .*; got Other"):
        to_onnx(other, tmp_path)
    with pytest.raises(InputError, match="got NoneType"):
        to_onnx(nn.Linear(2, 2), tmp_path)


def test_folder_that_is_not_there(model, monkeypatch, tmp_path):
    monkeypatch.setattr(export, "_graph", lambda *arguments, **options: GRAPH)
    with pytest.raises(DataError, match=r"cannot write .*encoder\.onnx"):
        to_onnx(model, tmp_path / "none")


def test_interrupted_write_leaves_the_old_file(model, monkeypatch, tmp_path):
    def stop(*arguments):
        raise KeyboardInterrupt

    (tmp_path / "encoder.onnx").write_bytes(b"old")
    monkeypatch.setattr(export, "_graph", lambda *arguments, **options: GRAPH)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", stop)
        with pytest.raises(KeyboardInterrupt):
            to_onnx(model, tmp_path)
    assert os.listdir(tmp_path) == ["encoder.onnx"]
    assert (tmp_path / "encoder.onnx").read_bytes() == b"old"
    to_onnx(model, tmp_path)
    assert (tmp_path / "encoder.onnx").read_bytes() == GRAPH
