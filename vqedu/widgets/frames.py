"""Things to touch. They work in JupyterLab and, because every frame is drawn beforehand and the
slider is linked in the browser, on a static page as well."""

import base64
import html

import ipywidgets as ipw
import torch
from torch import Tensor

from ..autoencoders import VQAutoencoder
from ..errors import InputError
from ..plots import as_png, spotlight


def _figure(png: bytes, caption: str) -> str:
    """HTML of a picture over its caption, which is also its alt text: a widget of the kind
    ``Image`` has none."""
    data, text = base64.b64encode(png).decode(), html.escape(caption)
    return f'<img src="data:image/png;base64,{data}" alt="{text}"><p>{text}</p>'


def frames(pictures: list[bytes], captions: list[str], label: str, start: int = 0) -> ipw.VBox:
    """A slider over pictures that were drawn beforehand; the link needs no kernel.

    Args:
        pictures: PNG files, one a frame.
        captions: text, shown under each.
        label: of the slider; it also names it to screen readers, and the arrow keys move it.
        start: the frame shown first.
    """
    shown = [ipw.HTML(_figure(*frame)) for frame in zip(pictures, captions, strict=True)]
    stack = ipw.Stack(shown, selected_index=start)
    slider = ipw.IntSlider(
        value=start,
        max=len(pictures) - 1,
        description=label,
        style={"description_width": "initial"},
        layout={"width": "95%", "max_width": "420px"},
    )
    ipw.jslink((slider, "value"), (stack, "selected_index"))
    return ipw.VBox([slider, stack])


def codebook_explorer(
    model: VQAutoencoder, images: Tensor, codes: int = 24, examples: int = 8
) -> ipw.VBox:
    """Where in the images does a code occur? One frame a code, from the most frequent to the
    rarest.

    A frame shows up to ``examples`` images that hold the code, with all else faded to grey.

    Args:
        model: a trained autoencoder.
        images: (B, C, H, W) in [-1, 1]; a few hundred.
        codes: how many frames, evenly spread over the codes that occur; fewer, where fewer do.
        examples: how many images in a frame.

    Raises:
        InputError: more codes asked for than the codebook has.

    Used in ``chapters/05_vqvae``.
    """
    if not 1 <= codes <= model.quantizer.num_codes:
        raise InputError(f"codes must lie in [1, {model.quantizer.num_codes}]; got {codes}")
    indices = model.tokens(images).cpu()
    counts = indices.flatten().bincount(minlength=model.quantizer.num_codes)
    order = counts.argsort(descending=True)[: int((counts > 0).sum())]
    spread = torch.linspace(0, len(order) - 1, min(codes, len(order))).round().long()
    pictures, captions = [], []
    for code in order[spread].tolist():
        holders = (indices == code).flatten(1).any(1).nonzero()[:examples, 0]
        marked = [spotlight(images[i].cpu(), indices[i] == code) for i in holders]
        marked += [torch.ones_like(marked[0])] * (examples - len(marked))
        share = (indices == code).float().mean().item()
        pictures.append(as_png(torch.cat(marked, dim=2)[None], zoom=3))
        captions.append(f"code {code}: {share:.1%} of all tokens")
    return frames(pictures, captions, "code, by frequency")


def token_editor(model: VQAutoencoder, image: Tensor, code: int) -> ipw.VBox:
    """Replace one token of an image by ``code`` and see what changes; the slider moves the place.

    With a kernel, the menu chooses another code and draws the frames anew.

    Args:
        model: a trained autoencoder.
        image: (C, H, W) in [-1, 1].
        code: the new one, in [0, K).

    Raises:
        InputError: a code outside [0, K).

    Used in ``chapters/05_vqvae``.
    """
    if not 0 <= code < model.quantizer.num_codes:
        raise InputError(f"code must lie in [0, {model.quantizer.num_codes}); got {code}")
    indices = model.tokens(image[None])
    menu = ipw.Dropdown(
        options=range(model.quantizer.num_codes), value=code, description="new code"
    )
    pictures, captions = _edits(model, indices, code)
    box = frames(pictures, captions, "place, in reading order", start=len(pictures) // 2)

    def redraw(change):
        pictures, captions = _edits(model, indices, change["new"])
        for shown, *frame in zip(box.children[1].children, pictures, captions, strict=True):
            shown.value = _figure(*frame)

    menu.observe(redraw, "value")
    return ipw.VBox([menu, box])


def _edits(model: VQAutoencoder, indices: Tensor, code: int) -> tuple[list[bytes], list[str]]:
    _, h, w = indices.shape
    edited = indices.repeat(h * w, 1, 1)
    edited.view(h * w, -1).fill_diagonal_(code)
    before = model.decode_indices(indices)[0].cpu()
    after = model.decode_indices(edited).cpu()
    places = [(i, j) for i in range(h) for j in range(w)]
    captions = [
        f"row {i}, column {j}: code {int(indices[0, i, j])} → {code}. "
        "Left: as encoded. Right: one token changed."
        for i, j in places
    ]
    return [as_png(torch.cat([before, x], dim=2)[None], zoom=5) for x in after], captions
