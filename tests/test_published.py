"""Published checkpoints: every name and shape, there and back, and files of all the wrong kinds."""

import os
import re
import sys
import types

import pytest
import torch
from safetensors.torch import save_file

import vqedu.checkpoints
from vqedu.autoencoders import vqgan, vqvae
from vqedu.checkpoints import load, save
from vqedu.errors import CheckpointError
from vqedu.published import from_taming, taming_names, to_taming

TINY = {"in_channels": 1, "num_codes": 8, "code_dim": 4, "width": 32, "multipliers": (1, 2)}
TINY |= {"res_blocks": 1}


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "last.ckpt"


@pytest.fixture
def published():
    """A state dict under the published names."""
    return to_taming(vqgan(**TINY))


# --- names and shapes ----------------------------------------------------------------------------


def conv(name, inputs, outputs, size):
    yield f"{name}.weight", (outputs, inputs, size, size)
    yield f"{name}.bias", (outputs,)


def norm(name, channels):
    yield f"{name}.weight", (channels,)
    yield f"{name}.bias", (channels,)


def residual(name, inputs, outputs):
    yield from norm(f"{name}.norm1", inputs)
    yield from conv(f"{name}.conv1", inputs, outputs, 3)
    yield from norm(f"{name}.norm2", outputs)
    yield from conv(f"{name}.conv2", outputs, outputs, 3)
    if inputs != outputs:
        yield from conv(f"{name}.nin_shortcut", inputs, outputs, 1)


def attention(name, channels):
    yield from norm(f"{name}.norm", channels)
    for projection in ("q", "k", "v", "proj_out"):
        yield from conv(f"{name}.{projection}", channels, channels, 1)


def middle(name, channels):
    yield from residual(f"{name}.block_1", channels, channels)
    yield from attention(f"{name}.attn_1", channels)
    yield from residual(f"{name}.block_2", channels, channels)


def f16(num_codes):
    """The f16 model as the paper's configuration file describes it, level by level."""
    yield from conv("encoder.conv_in", 3, 128, 3)
    plan = [(128, 128), (128, 128), (128, 256), (256, 256), (256, 512)]
    for level, (inputs, outputs) in enumerate(plan):
        yield from residual(f"encoder.down.{level}.block.0", inputs, outputs)
        yield from residual(f"encoder.down.{level}.block.1", outputs, outputs)
        if level < 4:
            yield from conv(f"encoder.down.{level}.downsample.conv", outputs, outputs, 3)
    for block in range(2):
        yield from attention(f"encoder.down.4.attn.{block}", 512)
    yield from middle("encoder.mid", 512)
    yield from norm("encoder.norm_out", 512)
    yield from conv("encoder.conv_out", 512, 256, 3)
    yield from conv("quant_conv", 256, 256, 1)
    yield "quantize.embedding.weight", (num_codes, 256)
    yield from conv("post_quant_conv", 256, 256, 1)
    yield from conv("decoder.conv_in", 256, 512, 3)
    yield from middle("decoder.mid", 512)
    plan = [(128, 128), (256, 128), (256, 256), (512, 256), (512, 512)]
    for level, (inputs, outputs) in enumerate(plan):
        for block in range(3):
            yield from residual(
                f"decoder.up.{level}.block.{block}", outputs if block else inputs, outputs
            )
        if level:
            yield from conv(f"decoder.up.{level}.upsample.conv", outputs, outputs, 3)
    for block in range(3):
        yield from attention(f"decoder.up.4.attn.{block}", 512)
    yield from norm("decoder.norm_out", 128)
    yield from conv("decoder.conv_out", 128, 3, 3)


@pytest.mark.parametrize(("num_codes", "count"), [(1024, 72_141_699), (16384, 76_073_859)])
def test_f16(num_codes, count):
    with torch.device("meta"):
        model = vqgan(num_codes=num_codes)
    shapes = {name: tuple(value.shape) for name, value in to_taming(model).items()}
    assert shapes == dict(f16(num_codes))
    assert len(shapes) == 343
    assert sum(p.numel() for p in model.parameters()) == count
    assert model.stride == 16
    literal = {
        "encoder.conv_in.weight": (128, 3, 3, 3),
        "encoder.down.2.block.0.nin_shortcut.weight": (256, 128, 1, 1),
        "encoder.down.3.downsample.conv.bias": (256,),
        "encoder.down.4.attn.1.proj_out.weight": (512, 512, 1, 1),
        "encoder.mid.attn_1.norm.weight": (512,),
        "decoder.up.0.block.2.norm1.bias": (128,),
        "decoder.up.4.upsample.conv.weight": (512, 512, 3, 3),
        "decoder.conv_out.weight": (3, 128, 3, 3),
        "post_quant_conv.weight": (256, 256, 1, 1),
        "quantize.embedding.weight": (num_codes, 256),
    }
    assert literal.items() <= shapes.items()


def test_f8_gumbel():
    with torch.device("meta"):
        model = vqgan(num_codes=8192, multipliers=(1, 1, 2, 4), quantizer="gumbel")
    shapes = {name: tuple(value.shape) for name, value in to_taming(model).items()}
    assert model.stride == 8
    assert {name: shape for name, shape in shapes.items() if name.startswith("quantize.")} == {
        "quantize.proj.weight": (8192, 256, 1, 1),
        "quantize.proj.bias": (8192,),
        "quantize.embed.weight": (8192, 256),
    }


def test_names_around_the_quantiser():
    names = taming_names(vqgan(**TINY))
    assert names["encoder.quant_conv.bias"] == "quant_conv.bias"
    assert names["decoder.post_quant_conv.weight"] == "post_quant_conv.weight"
    assert names["quantizer.codebook"] == "quantize.embedding.weight"
    assert names["decoder.up.0.block.1.conv1.weight"] == "decoder.up.0.block.1.conv1.weight"


# --- there and back ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"in_channels": 3, "num_codes": 5, "z_channels": 6},
        {"multipliers": (1, 2, 1), "res_blocks": 2, "attention_levels": (0, 2)},
        {"width": 64, "multipliers": (1, 1), "attention_levels": ()},
        {"multipliers": (2,), "attention_levels": (), "mid_attention": False},
        {"quantizer": "gumbel", "num_codes": 6},
    ],
)
def test_configuration_is_read_off(options, path):
    model = vqgan(**{**TINY, **options}).eval()
    torch.save({"state_dict": to_taming(model), "epoch": 3, "global_step": 70}, path)
    other = from_taming(path)
    assert not other.training
    for name in ("in_channels", "num_codes", "code_dim", "width", "res_blocks", "quantizer"):
        assert other.config[name] == model.config[name], name
    assert other.config["mid_attention"] == model.config["mid_attention"]
    assert other.config["multipliers"] == model.config["multipliers"]
    levels = len(model.config["multipliers"])
    expected = [level % levels for level in model.config["attention_levels"]]
    assert other.config["attention_levels"] == expected
    x = torch.rand(2, model.config["in_channels"], 8, 8) * 2 - 1
    assert torch.equal(other.tokens(x), model.tokens(x))
    assert torch.equal(other.reconstruct(x), model.reconstruct(x))
    again = to_taming(other)
    assert again.keys() == to_taming(model).keys()
    assert all(torch.equal(again[name], value) for name, value in to_taming(model).items())


def as_lightning(state, path):
    torch.save({"epoch": 1, "state_dict": state, "optimizer_states": [{"lr": 1e-4}]}, path)


def as_bare_state_dict(state, path):
    torch.save(state, path)


def as_old_format(state, path):
    torch.save({"state_dict": state}, path, _use_new_zipfile_serialization=False)


def with_loss_and_palette(state, path):
    extra = {"loss.discriminator.main.0.weight": torch.ones(2), "loss.logvar": torch.ones(())}
    torch.save({"state_dict": {**state, **extra, "colorize": torch.ones(3, 2, 1, 1)}}, path)


def in_half_precision(state, path):
    torch.save({"state_dict": {name: value.half() for name, value in state.items()}}, path)


@pytest.mark.parametrize(
    "write",
    [as_lightning, as_bare_state_dict, as_old_format, with_loss_and_palette, in_half_precision],
)
def test_kinds_of_files(write, published, path):
    write(published, str(path))
    model = from_taming(str(path))
    for name, value in to_taming(model).items():
        assert value.dtype == torch.float32
        expected = value.half().float() if write is in_half_precision else published[name]
        assert torch.equal(value, expected), name


def test_safetensors(published, path):
    path = path.with_suffix(".safetensors")
    save_file({**published, "loss.logvar": torch.ones(())}, path)
    again = to_taming(from_taming(path))
    assert all(torch.equal(again[name], value) for name, value in published.items())


def test_the_codebook_stays_as_published(published, path):
    """Training moves codes by gradient alone: no k-means on the first batch, no revival."""
    torch.save(published, path)
    model = from_taming(path)
    assert model.quantizer.initialised
    assert model.quantizer.revive_after == 0
    model.train()(torch.rand(2, 1, 8, 8) * 2 - 1)
    assert torch.equal(model.quantizer.codebook, published["quantize.embedding.weight"])


def test_kept_as_our_own_checkpoint(published, path):
    torch.save(published, path)
    model = vqedu.checkpoints.from_taming(path)
    save(model, path.with_suffix(".safetensors"))
    other = load(path.with_suffix(".safetensors"))
    assert other.config == model.config
    assert other.quantizer.initialised
    x = torch.rand(2, 1, 8, 8) * 2 - 1
    assert torch.equal(other.reconstruct(x), model.reconstruct(x))


# --- files that hold more than weights -----------------------------------------------------------


@pytest.fixture
def foreign(monkeypatch):
    """A module that is there when a file is written, and gone when it is read."""
    module = types.ModuleType("lightning_of_old")

    def define(name, *bases):
        kind = type(name, bases, {"__module__": module.__name__})
        setattr(module, name, kind)
        return kind

    monkeypatch.setitem(sys.modules, module.__name__, module)
    module.define = define
    module.forget = lambda: monkeypatch.delitem(sys.modules, module.__name__)
    return module


def test_callbacks_are_left_aside(foreign, published, path):
    """As in the published files: a class as a key, objects with a state of their own."""
    callback = foreign.define("ModelCheckpoint")
    plain, odd, called = (foreign.define(name) for name in ("Settings", "Odd", "Called"))
    odd.__getstate__ = lambda self: [1, 2]
    called.__reduce__ = lambda self: (called, (1, "two"))
    called.__init__ = lambda self, *arguments: None
    objects = [plain(), odd(), called()]
    objects[0].best = torch.ones(2)
    content = {"callbacks": {callback: {"best": 0.1}}, "hyper": objects, "state_dict": published}
    torch.save(content, path)
    foreign.forget()
    again = to_taming(from_taming(path))
    assert all(torch.equal(again[name], value) for name, value in published.items())


class Call:
    """Unpickled the usual way, it calls the function."""

    def __init__(self, function, argument):
        self.function, self.argument = function, argument

    def __reduce__(self):
        return self.function, (self.argument,)


@pytest.mark.parametrize("as_key", [True, False])
@pytest.mark.parametrize("new_format", [True, False])
@pytest.mark.parametrize("function", [exec, os.mkdir])
def test_nothing_is_executed(function, new_format, as_key, published, path):
    witness = path.with_name("witness")
    code = f"import os; os.mkdir({str(witness)!r})"
    evil = Call(function, code if function is exec else str(witness))
    content = {"callbacks": {evil: 1} if as_key else evil, "state_dict": published}
    torch.save(content, path, _use_new_zipfile_serialization=new_format)
    if function is exec and new_format:  # a placeholder takes its place
        from_taming(path)
    else:  # torch blocks some modules whatever is asked, os among them
        with pytest.raises(CheckpointError, match="objects besides weights"):
            from_taming(path)
    assert not witness.exists()
    torch.load(path, weights_only=False)
    assert witness.exists()  # so the file was what it was meant to be


def test_what_weights_only_refuses(foreign, published, path):
    """A placeholder cannot stand for a dictionary; the message says what to do."""
    torch.save({"hyper": foreign.define("AttributeDict", dict)(a=1), "state_dict": published}, path)
    foreign.forget()
    message = r"objects besides weights \(lightning_of_old\.AttributeDict\) .*\n.*import torch"
    with pytest.raises(CheckpointError, match=message):
        from_taming(path)


def test_old_format_with_other_objects(foreign, published, path):
    content = {"callbacks": foreign.define("ModelCheckpoint")(), "state_dict": published}
    torch.save(content, path, _use_new_zipfile_serialization=False)
    foreign.forget()
    with pytest.raises(CheckpointError, match="objects besides weights that cannot be read"):
        from_taming(path)


def test_the_advice_works(foreign, published, path, monkeypatch):
    torch.save({"hyper": foreign.define("AttributeDict", dict)(a=1), "state_dict": published}, path)
    with pytest.raises(CheckpointError) as refused:
        from_taming(path)
    monkeypatch.chdir(path.parent)
    path.rename("old.ckpt")
    lines = str(refused.value).splitlines()
    exec("\n".join(line.strip() for line in lines[1:]), {})
    foreign.forget()
    assert to_taming(from_taming("new.ckpt")).keys() == published.keys()


# --- files of the wrong kind ---------------------------------------------------------------------


def test_no_file(path):
    for missing in (path, path.parent, path.with_suffix(".safetensors")):
        with pytest.raises(CheckpointError, match=f"no checkpoint at {re.escape(str(missing))}"):
            from_taming(missing)


@pytest.mark.parametrize("content", [b"", b"<!doctype html><html>", b"PK\x03\x04", bytes(300)])
@pytest.mark.parametrize("suffix", [".ckpt", ".safetensors"])
def test_not_a_checkpoint(content, suffix, path):
    path = path.with_suffix(suffix)
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"not a (checkpoint at all|safetensors file)"):
        from_taming(path)


@pytest.mark.parametrize("write", [as_lightning, as_old_format])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.999])
def test_cut_short(write, share, published, path):
    write(published, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CheckpointError, match=r"last\.ckpt is (cut short|damaged), or not a"):
        from_taming(path)


@pytest.mark.parametrize(
    "content",
    [
        torch.ones(3),
        [1, 2],
        {"state_dict": 5},
        {"epoch": 3},
        {"state_dict": {"a": 1}},
        {"state_dict": {0: torch.ones(1)}},
    ],
)
def test_no_state_dict(content, path):
    torch.save(content, path)
    with pytest.raises(CheckpointError, match="holds no state dict"):
        from_taming(path)


def refused(state, path):
    torch.save({"state_dict": state}, path)
    with pytest.raises(CheckpointError, match="is not a VQGAN that this package knows: ") as error:
        from_taming(path)
    return str(error.value).partition("knows: ")[2]


def test_missing_names(published, path):
    del published["quantize.embedding.weight"]  # as an autoencoder with KL has none
    assert refused(published, path).startswith("quantize.embedding.weight missing")
    state = {k: v for k, v in published.items() if not k.startswith("decoder.")}
    told = refused(state, path)
    assert re.search(r"decoder\.conv_in\.bias, .* and \d+ more missing", told)
    assert "not known" not in told


def test_names_too_many(published, path):
    published["encoder.down.1.block.0.temb_proj.weight"] = torch.ones(3)
    told = refused(published, path)
    assert told == "encoder.down.1.block.0.temb_proj.weight not known"


@pytest.mark.parametrize("name", ["encoder.mid.block_1.norm1.weight", "quant_conv.weight"])
def test_other_shapes(name, published, path):
    published[name] = torch.ones(3)
    assert refused(published, path) == f"{name} of another shape"


@pytest.mark.parametrize("name", ["encoder.conv_in.weight", "quantize.embedding.weight"])
@pytest.mark.parametrize("value", [torch.ones(()), torch.ones(0, 0, 3, 3), torch.ones(7, 1, 3, 3)])
def test_shapes_that_tell_the_configuration(name, value, published, path):
    published[name] = value
    assert refused(published, path)


def test_another_network(path):
    told = refused({f"features.{i}.weight": torch.ones(2) for i in range(9)}, path)
    assert re.search(r"and \d{3} more missing; ", told)
    assert "features.0.weight, features.1.weight, features.2.weight and 6 more not known" in told
    assert refused({}, path)


def test_our_own_checkpoint_is_not_a_published_one(path):
    path = path.with_suffix(".safetensors")
    save(vqgan(**TINY), path)
    with pytest.raises(CheckpointError, match=r"post_quant_conv\.weight, .* missing"):
        from_taming(path)


@pytest.mark.parametrize(
    "model",
    [vqvae(num_codes=4, code_dim=2, width=8), vqgan(**TINY, quantizer="ema"), torch.nn.ReLU()],
)
def test_models_without_published_names(model):
    with pytest.raises(CheckpointError, match="only a vqgan"):
        to_taming(model)
