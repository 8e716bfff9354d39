"""A chapter that uses every form a chapter may use, for testing the site without the course."""

import base64
from pathlib import Path

import ipywidgets
import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from vqedu import widgets

TITLE = "# {number} · A sample of every form"

EQUATIONS = r"""## Equations

Inline maths, $z_q = e_k$, and a numbered equation:

$$
\mathcal{L} = \lVert x - \hat{x} \rVert^2
  + \lVert \mathrm{sg}[z_e] - e \rVert^2
  + \beta \lVert z_e - \mathrm{sg}[e] \rVert^2
$$ (eq-{name}-loss)

Equation {eq}`eq-{name}-loss` is the objective of {cite:t}`vandenoord2017neural`; its gradient is
copied straight through {cite:p}`bengio2013estimating`. A long line must not widen the page:

$$
p(x) = \prod_{i} p(x_i \mid x_1, \dots, x_{i-1}) = p(x_1)\, p(x_2 \mid x_1)\, p(x_3 \mid x_1, x_2)
\, p(x_4 \mid x_1, x_2, x_3) \cdots p(x_n \mid x_1, \dots, x_{n-1})
$$ (eq-{name}-chain)
"""

TABLE = """## A table

| method | codes used | perplexity | PSNR in dB | seconds per epoch | where it is derived |
|---|---:|---:|---:|---:|---|
| codebook loss | 211 of 512 | 148.3 | 27.1 | 11.9 | [](#equations) |
| moving averages | 498 of 512 | 401.7 | 27.9 | 11.2 | [](#exercises) |
"""

EXERCISES = """## Exercises

:::{admonition} Exercise 1 ★ Count the bits
:class: exercise

How many bits does an image of 7 × 7 tokens cost when the codebook has 512 entries?
:::

<details>
<summary>Solution</summary>

Each token names one of 512 entries: $\\log_2 512 = 9$ bits, so $49 \\times 9 = 441$ bits.

</details>

:::{admonition} Exercise 2 ★★ Draw it
:class: exercise

Draw the 512 entries of the codebook.
:::
"""

CLAIM = """:::{{admonition}} C5 · false · A VQGAN quantises what its generator gives
:class: claim
:name: claim-c{number}

It quantises what its encoder gives.
:::
"""

REFERENCES = """## References

:::{bibliography}
:filter: docname in docnames
:::
"""


def _image(width: int, height: int) -> bytes:
    """A white PNG with a blue frame, as a figure of matplotlib has."""
    from io import BytesIO

    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(picture).rectangle((8, 8, width - 8, height - 8), outline="#0072B2", width=4)
    buffer = BytesIO()
    picture.save(buffer, "png")
    return buffer.getvalue()


def _figure(alt: str, width: int = 1100) -> list:
    png = base64.b64encode(_image(width, 300)).decode()
    return [new_output("display_data", {"image/png": png, "text/plain": alt})]


def _quiz():
    return new_output(
        "display_data", {"text/html": widgets.quiz("05_vqvae").data, "text/plain": "<HTML>"}
    )


def _widget_cell() -> tuple[object, dict]:
    """A slider that turns the pages of a stack in the browser, and the state it needs."""
    pages = [ipywidgets.Image(value=_image(240 + 40 * i, 120)) for i in range(3)]
    stack = ipywidgets.Stack(pages, selected_index=0)
    slider = ipywidgets.IntSlider(min=0, max=2, description=r"page \(k\)")
    player = ipywidgets.Play(min=0, max=2, interval=300)
    ipywidgets.jslink((slider, "value"), (stack, "selected_index"))
    ipywidgets.jslink((player, "value"), (slider, "value"))
    button = ipywidgets.Button(description="again", icon="refresh")
    box = ipywidgets.VBox([ipywidgets.HBox([player, slider, button]), stack])
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    output = new_output(
        "display_data", {"application/vnd.jupyter.widget-view+json": view, "text/plain": "VBox"}
    )
    state = ipywidgets.Widget.get_manager_state()
    return new_code_cell("turn_pages()", outputs=[output]), state


def write(path: Path) -> None:
    """Write the sample to `path`, named like a chapter: 05_vqvae.ipynb."""
    name = path.stem
    widget, state = _widget_cell()
    notebook = new_notebook(
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
            "widgets": {"application/vnd.jupyter.widget-state+json": state},
        },
        cells=[
            new_markdown_cell(TITLE.format(number=int(name[:2]))),
            new_markdown_cell(EQUATIONS.replace("{name}", name[:2])),
            new_code_cell(
                "losses = [0.9, 0.4, 0.2]\nprint(losses)",
                execution_count=1,
                outputs=[new_output("stream", name="stdout", text="[0.9, 0.4, 0.2]\n" + "=" * 200)],
            ),
            new_code_cell(
                "plots.show_codebook(model)",
                execution_count=2,
                metadata={"mystnb": {"image": {"alt": "The 512 entries of the codebook"}}},
                outputs=_figure("<Figure>"),
            ),
            widget,
            new_markdown_cell(TABLE),
            new_markdown_cell(CLAIM.format(number=int(name[:2]))),
            new_code_cell('widgets.quiz("05_vqvae")', outputs=[_quiz()]),
            new_markdown_cell(EXERCISES),
            new_code_cell(
                "plots.show_codebook(model.quantizer)",
                execution_count=4,
                metadata={
                    "tags": ["hide-cell"],
                    "mystnb": {
                        "code_prompt_show": "Show solution",
                        "code_prompt_hide": "Hide solution",
                        "image": {"alt": "The entries once more"},
                    },
                },
                outputs=_figure("<Figure>", 500),
            ),
            new_markdown_cell(REFERENCES),
        ],
    )
    nbformat.write(notebook, path)
