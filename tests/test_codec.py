"""An image comes back from its file, the file is hardly larger than its information, and a file
that cannot be used says why."""

import math
import os
import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn
from torch.nn.functional import cross_entropy

from vqedu import codec
from vqedu.autoencoders import vqgan, vqvae
from vqedu.codec import HEADER_BYTES, compress, decompress, file_size, tokens
from vqedu.errors import DataError, InputError
from vqedu.priors import GatedPixelCNN, Transformer

K = 16


def autoencoder(seed=0, channels=1, **options):
    """Its tokens are spread over many codes, unevenly."""
    torch.manual_seed(seed)
    model = vqvae(channels, num_codes=K, code_dim=4, width=8, **options)
    model.train()(torch.rand(16, channels, 16, 16) * 2 - 1)  # k-means places the codes
    return model.eval()


@pytest.fixture(scope="module")
def model():
    return autoencoder()


@pytest.fixture(scope="module")
def prior():
    torch.manual_seed(1)
    prior = GatedPixelCNN(K, 3, (3, 4), width=8, layers=2)
    prior.head[-1].weight.data.mul_(5)  # far from all codes alike
    return prior.eval()


def picture(height, width, channels=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(channels, height, width, generator=generator) * 2 - 1


def extended(x):
    """To multiples of 4 by repeating the last row and column."""
    _, height, width = x.shape
    rows = torch.arange(math.ceil(height / 4) * 4).clamp(max=height - 1)
    columns = torch.arange(math.ceil(width / 4) * 4).clamp(max=width - 1)
    return x[:, rows][:, :, columns]


def expected(model, x):
    """What must come back: the image that the tokens stand for, cut to size."""
    _, height, width = x.shape
    return model.decode_indices(model.tokens(extended(x)[None]))[0, :, :height, :width]


@pytest.fixture(scope="module")
def residual():
    """Tokens of two levels."""
    return autoencoder(quantizer="residual", num_quantizers=2)


# --- there and back -------------------------------------------------------------------------------

SIZES = [(1, 1), (1, 9), (4, 4), (5, 7), (28, 28), (33, 50)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_comes_back(size, channels):
    model, x = autoencoder(channels=channels), picture(*size, channels)
    y = decompress(model, compress(model, x))
    assert y.shape == x.shape
    assert y.dtype == torch.float32
    assert torch.equal(y, expected(model, x))
    assert torch.equal(y, codec.through(model, x))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", [GatedPixelCNN, Transformer])
def test_under_a_prior(model, size, kind):
    torch.manual_seed(2)
    prior, x = kind(K, 3, (3, 4), width=16, layers=2).train(), picture(*size)
    data = compress(model, x, prior, label=2)
    assert torch.equal(decompress(model, data, prior), decompress(model, compress(model, x)))
    assert prior.training  # and dropout had no part in it


def test_residual_levels(residual):
    x = picture(9, 6)
    tokens = residual.tokens(extended(x)[None])
    assert tokens.shape == (1, 3, 2, 2)
    y = decompress(residual, compress(residual, x))
    assert torch.equal(y, residual.decode_indices(tokens)[0, :, :9, :6])


def test_a_codebook_of_one():
    model, x = vqvae(num_codes=1, code_dim=4, width=8, kmeans_init=False), picture(9, 6)
    data = compress(model, x)
    assert len(data) == HEADER_BYTES
    assert torch.equal(decompress(model, data), expected(model, x))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
def test_tokens_come_back(model, height, width, seed):
    x = picture(height, width, seed=seed)
    assert torch.equal(decompress(model, compress(model, x)), expected(model, x))


# --- size -----------------------------------------------------------------------------------------


def bits_by_hand(model, prior, x, label):
    """Under the prior's forward, block after block; outside the map, the nearest token."""
    tokens = model.tokens(extended(x)[None])[0]
    (h, w), (block_h, block_w), total = tokens.shape, prior.grid, 0
    for top in range(0, h, block_h):
        for left in range(0, w, block_w):
            rows = torch.arange(top, top + block_h)
            columns = torch.arange(left, left + block_w)
            block = tokens[rows.clamp(max=h - 1)][:, columns.clamp(max=w - 1)][None]
            nats = cross_entropy(prior(block, torch.tensor([label])), block, reduction="none")[0]
            total += nats[rows < h][:, columns < w].sum().item() / math.log(2)
    return total


@pytest.mark.parametrize("size", [(1, 1), (28, 28), (33, 50), (120, 100)])
@pytest.mark.parametrize("label", [0, 2])
def test_size_under_a_prior(model, prior, size, label):
    x = picture(*size)
    data = compress(model, x, prior, label=label)
    bits = bits_by_hand(model, prior, x, label)
    assert -1 <= len(data) - HEADER_BYTES - bits / 8 <= 4


def test_label_matters(model, prior):
    x = picture(28, 28)
    assert compress(model, x, prior, label=0) != compress(model, x, prior, label=1)


def test_size_without_frequencies(model):
    x = picture(120, 100)  # 30·25 tokens of 4 bits
    assert 375 <= len(compress(model, x)) - HEADER_BYTES <= 375 + 4


@pytest.mark.parametrize("training", ["like this image", "a single token"])
def test_size_under_frequencies(training):
    model, x = autoencoder(), picture(120, 100)
    counts = model.tokens(x[None]).flatten().bincount(minlength=K)
    seen = counts if training == "like this image" else 15 * torch.eye(K).long()[3]
    model.notes = {"code_counts": seen.tolist()}
    p = (seen + 1).double() / (seen + 1).sum()
    bits = -(counts * p.log2()).sum().item()
    assert abs(bits / 3000 - 1) > 0.02  # codes alike would take 4 bits for each of 750
    data = compress(model, x)
    assert -1 <= len(data) - HEADER_BYTES - bits / 8 <= 4
    assert torch.equal(decompress(model, data), expected(model, x))


def test_code_that_training_never_saw():
    """Smoothing leaves it codable, for more bits."""
    model, x = autoencoder(), picture(28, 28)
    token = model.tokens(x[None])[0, 0, 0].item()
    model.notes = {"code_counts": [0 if code == token else 1000 for code in range(K)]}
    assert torch.equal(decompress(model, compress(model, x)), expected(model, x))


def test_residual_levels_under_frequencies(residual):
    x = picture(120, 100)
    try:
        residual.notes = {"code_counts": [1000] + [0] * (K - 1)}
        data = compress(residual, x)
        assert torch.equal(decompress(residual, data), expected(residual, x))
    finally:
        del residual.notes
    assert len(data) != len(compress(residual, x))


def test_header(model):
    data = compress(model, picture(28, 27))
    assert HEADER_BYTES == 35
    size = file_size(data)
    assert (size.total, size.header, size.height, size.width) == (len(data), 35, 28, 27)
    assert size.bits_per_pixel == 8 * len(data) / (28 * 27)
    assert str(file_size(data)) == (
        f"{len(data)} bytes (35 of them header) for 28×27 pixels: "
        f"{8 * len(data) / 756:.3f} bits a pixel"
    )


def test_same_image_same_file(model, prior):
    x = picture(33, 50)
    assert compress(model, x, prior) == compress(model, x, prior)


# --- files that cannot be used --------------------------------------------------------------------


def test_every_single_byte(model, prior):
    for under in (None, prior):
        data = compress(model, picture(28, 28), under, label=0)
        for position in range(len(data)):
            for change in (0x01, 0x80, 0xFF):
                altered = bytearray(data)
                altered[position] ^= change
                with pytest.raises(DataError, match=r"damaged|not an image compressed by vqedu"):
                    decompress(model, bytes(altered), under)


def test_every_length(model):
    data = compress(model, picture(28, 28))
    for length in range(3, len(data)):
        with pytest.raises(DataError, match="cut short"):
            decompress(model, data[:length])
    with pytest.raises(DataError, match="damaged"):
        decompress(model, data + b"\0")


@pytest.mark.parametrize("content", [b"", b"V", b"\x89PNG\r\n\x1a\n" + bytes(99), bytes(99)])
def test_foreign_file(model, content):
    with pytest.raises(DataError, match="not an image compressed by vqedu"):
        decompress(model, content)
    with pytest.raises(DataError, match="not an image compressed by vqedu"):
        file_size(content)


def test_newer_version(model):
    data = bytearray(compress(model, picture(28, 28)))
    data[3] = 2
    with pytest.raises(DataError, match=r"version 2, and this vqedu reads version 1: upgrade"):
        decompress(model, bytes(data))


def test_another_model(model):
    data = compress(model, picture(28, 28))
    with pytest.raises(InputError, match="another model"):
        decompress(autoencoder(seed=5), data)
    same = autoencoder()
    same.notes = {"code_counts": [1] * K}
    with pytest.raises(InputError, match="another model"):  # its frequencies are others
        decompress(same, data)
    assert decompress(autoencoder(), data).shape == (1, 28, 28)


def test_another_prior(model, prior):
    x = picture(28, 28)
    data, plain = compress(model, x, prior), compress(model, x)
    other = GatedPixelCNN(K, 3, (3, 4), width=8, layers=2)
    with pytest.raises(InputError, match="under another prior"):
        decompress(model, data, other)
    with pytest.raises(InputError, match=r"under a prior .* must be given"):
        decompress(model, data)
    with pytest.raises(InputError, match="without a prior; give none"):
        decompress(model, plain, prior)


def elsewhere(prior, change):
    """The same prior on another machine, where the logits are others."""

    class Elsewhere(GatedPixelCNN):
        def walk(self, labels, choose, **options):
            return super().walk(labels, lambda at, x: choose(at, change(x)), **options)

    other = Elsewhere(K, 3, (3, 4), width=8, layers=2)
    other.load_state_dict(prior.state_dict())
    return other


def test_other_logits_are_found_out(model, prior):
    """Rounding that differs by more than the coder forgives, up to another prior altogether."""
    data = compress(model, picture(28, 28), prior)
    noise = torch.Generator().manual_seed(0)
    changes = [lambda logits: logits * 1.01] + [
        lambda logits, scale=scale: logits + scale * torch.randn(logits.shape, generator=noise)
        for scale in (0.5, 5, 50, 5000)
        for _ in range(8)
    ]
    for change in changes:
        with pytest.raises(DataError, match="tokens came out differently"):
            decompress(model, data, elsewhere(prior, change))


@pytest.mark.parametrize("word", [0xFFFFFFFE, 0xFFFFFFFF], ids=["padding", "no symbol"])
def test_bits_that_are_no_tokens(prior, word):
    payload = struct.pack(">3I", word, word, word)
    with pytest.raises(DataError, match="tokens came out differently"):
        tokens.decode_by_prior(prior, payload, [5, 6], 0)
    with pytest.raises(DataError, match="tokens came out differently"):
        tokens.decode_alike(torch.full((K,), 1 / K).double(), payload, [5, 6])


def test_a_prior_of_nan(model, prior):
    spoiled = elsewhere(prior, lambda logits: logits * torch.nan)
    data = compress(model, picture(28, 28), prior)
    for use in (
        lambda: compress(model, picture(8, 8), spoiled),
        lambda: decompress(model, data, spoiled),
    ):
        with pytest.raises(InputError, match="prior predicts NaN"):
            use()


def test_tokens_have_a_checksum_of_their_own(model):
    """Bytes 27 to 30 hold it, 31 to 34 that of the rest."""
    x = picture(28, 28)
    data = compress(model, x)
    tokens = model.tokens(x[None]).numpy().astype("<i4")
    assert struct.unpack("<I", data[27:31]) == (zlib.crc32(tokens.tobytes()),)
    assert struct.unpack("<I", data[31:35]) == (zlib.crc32(data[:31] + data[35:]),)


# --- arguments that make no sense -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (torch.zeros(28, 28), r"got \(28, 28\)"),
        (torch.zeros(1, 1, 28, 28), "one image"),
        (torch.zeros(1, 0, 28), "one image"),
        (torch.zeros(1, 1, 65536), "65,535"),
        (torch.zeros(1, 28, 28, dtype=torch.uint8), "floating-point"),
        (torch.full((1, 28, 28), 1.5), r"in \[-1, 1\]"),
        (torch.full((1, 28, 28), torch.nan), r"in \[-1, 1\]"),
        (torch.zeros(3, 28, 28), "1 channel"),
    ],
)
def test_images_that_are_none(model, image, words):
    for use in (compress, codec.through):
        with pytest.raises(InputError, match=words):
            use(model, image)


def test_priors_that_do_not_fit(model, residual, prior):
    x = picture(28, 28)
    with pytest.raises(InputError, match="grids of 9 codes; this model's tokens have 16 codes"):
        compress(model, x, GatedPixelCNN(9, 1, (3, 4), width=8, layers=1))
    with pytest.raises(InputError, match="in 2 levels"):
        compress(residual, x, prior)
    with pytest.raises(InputError, match="one after the other, such as GatedPixelCNN"):
        compress(model, x, nn.Linear(2, 2))
    for label in (-1, 3):
        with pytest.raises(InputError, match=r"label must lie in \[0, 3\)"):
            compress(model, x, prior, label=label)


@pytest.mark.parametrize("counts", [[1] * (K - 1), [-1] + [5] * (K - 1)])
def test_counts_that_do_not_fit(counts):
    model = autoencoder()
    model.notes = {"code_counts": counts}
    with pytest.raises(InputError, match=r"code_counts.* must be 16 counts, none below 0"):
        compress(model, picture(8, 8))


# --- files ----------------------------------------------------------------------------------------


@pytest.fixture
def photo(tmp_path):
    """A photograph held upright: its file lies on its side, and says so."""
    pixels = np.random.RandomState(0).randint(0, 256, (33, 50, 3), dtype=np.uint8)
    upright = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees clockwise to view"
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "photo.png", exif=exif)
    return tmp_path / "photo.png", pixels


@pytest.mark.parametrize("channels", [1, 3])
def test_file_to_file(photo, channels, prior):
    path, pixels = photo
    model = autoencoder(channels=channels)
    packed, target = path.with_name("photo.vq"), path.with_name("back.png")
    size = codec.compress_file(model, path, packed, prior, label=1)
    assert size == file_size(packed.read_bytes())
    assert (size.total, size.height, size.width) == (packed.stat().st_size, 33, 50)
    assert codec.decompress_file(model, packed, target, prior) == size

    expected = torch.from_numpy(pixels).movedim(2, 0) / 127.5 - 1
    if channels == 1:  # Pillow's own conversion, which rounds otherwise
        expected = (
            torch.from_numpy(np.array(Image.fromarray(pixels).convert("L")))[None] / 127.5 - 1
        )
    read = codec.read_image(path, channels)
    torch.testing.assert_close(read, expected, rtol=0, atol=1.01 / 127.5)
    y = decompress(model, compress(model, read))
    with Image.open(target) as back:
        assert back.mode == {1: "L", 3: "RGB"}[channels]
        written = torch.from_numpy(np.array(back)).view(33, 50, channels).movedim(2, 0)
    torch.testing.assert_close(written / 127.5 - 1, y, rtol=0, atol=0.5001 / 127.5)
    assert sorted(os.listdir(path.parent)) == ["back.png", "photo.png", "photo.vq"]


@pytest.mark.parametrize("channels", [1, 3])
def test_channels(channels):
    assert autoencoder(channels=channels).in_channels == channels
    assert vqgan(channels, width=32, multipliers=(1, 1)).in_channels == channels


def test_transparent_is_white(tmp_path):
    Image.new("RGBA", (3, 2), (9, 9, 9, 0)).save(tmp_path / "clear.png")
    assert torch.equal(codec.read_image(tmp_path / "clear.png", 1), torch.ones(1, 2, 3))


def test_sources_that_cannot_be_read(tmp_path, model):
    with pytest.raises(DataError, match=r"none\.png: cannot be read"):
        codec.compress_file(model, tmp_path / "none.png", tmp_path / "out")
    with pytest.raises(DataError, match=r"cannot read .*none\.vq: No such file"):
        codec.decompress_file(model, tmp_path / "none.vq", tmp_path / "out.png")
    (tmp_path / "bad.vq").write_bytes(b"VQ\xf1\x01")
    with pytest.raises(DataError, match=r"bad\.vq: .*cut short"):
        codec.decompress_file(model, tmp_path / "bad.vq", tmp_path / "out.png")
    assert os.listdir(tmp_path) == ["bad.vq"]


@pytest.mark.parametrize("name", ["out.text", "out", "out.psd", "out.gif", "out.pdf", "out.icns"])
def test_suffix_that_is_no_picture(tmp_path, name):
    with pytest.raises(InputError, match=r"ends in \.png"):
        codec.write_image(picture(4, 4), tmp_path / name)
    assert not os.listdir(tmp_path)


def full_disk(*arguments):
    raise OSError(28, "No space left on device")


def interrupted(*arguments):
    raise KeyboardInterrupt


@pytest.mark.parametrize("where", ["replace", "write"])
@pytest.mark.parametrize("what", [full_disk, interrupted])
def test_an_interrupted_write_leaves_the_old_file(photo, model, monkeypatch, where, what):
    path, _ = photo
    packed = path.with_name("photo.vq")
    packed.write_bytes(b"old")
    if where == "replace":
        monkeypatch.setattr(os, "replace", what)
    else:

        def half(draft, content):
            with open(draft, "wb") as file:
                file.write(content[: len(content) // 2])
            what()

        monkeypatch.setattr(codec.files.Path, "write_bytes", half)
    with pytest.raises(DataError if what is full_disk else KeyboardInterrupt) as caught:
        codec.compress_file(model, path, packed)
    if what is full_disk:
        assert "cannot write" in str(caught.value)
        assert "photo.vq: No space left" in str(caught.value)
    assert sorted(os.listdir(path.parent)) == ["photo.png", "photo.vq"]  # and no draft
    assert packed.read_bytes() == b"old"


def test_no_such_folder(tmp_path):
    with pytest.raises(DataError, match=r"cannot write .*there\.png: No such file"):
        codec.write_image(picture(4, 4), tmp_path / "not" / "there.png")


@pytest.mark.parametrize("target", ["", ".", "..", "/", "folder", "folder/.."])
def test_a_target_that_is_a_folder(photo, model, monkeypatch, target):
    path, _ = photo
    monkeypatch.chdir(path.parent)
    os.mkdir("folder")
    with pytest.raises(DataError, match=r"cannot write .*: Is a directory"):
        codec.compress_file(model, path, target)
    assert sorted(os.listdir()) == ["folder", "photo.png"]
    assert not os.listdir("folder")


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (torch.zeros(2, 4, 4), r"C of 1 or 3; got \(2, 4, 4\)"),
        (torch.zeros(4, 4, 4), "C of 1 or 3"),
        (torch.zeros(0, 4, 4), "C of 1 or 3"),
        (torch.zeros(4, 4), r"\(C, H, W\)"),
        (torch.zeros(1, 3, 4, 4), r"\(C, H, W\)"),
        (torch.zeros(3, 0, 4), r"got \(3, 0, 4\)"),
        (torch.zeros(3, 4, 4, dtype=torch.uint8), r"floating-point.*torch\.uint8"),
    ],
)
def test_images_that_are_no_pictures(tmp_path, image, words):
    with pytest.raises(InputError, match=words):
        codec.write_image(image, tmp_path / "out.png")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("name", "most"), [("out.webp", 16383), ("out.jpg", 65500)])
def test_pictures_too_large_for_their_kind(tmp_path, name, most, channels):
    path = tmp_path / name
    for shape in [(channels, most + 1, 1), (channels, 1, most + 1)]:
        size = "×".join(map(str, shape[1:]))
        with pytest.raises(DataError, match=rf"cannot write .*{size} pixels.*\.png would do"):
            codec.write_image(torch.zeros(shape), path)
    assert not os.listdir(tmp_path)
    codec.write_image(torch.zeros(channels, 1, most), path)
    with Image.open(path) as back:
        assert back.size == (most, 1)
