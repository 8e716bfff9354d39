"""What holds for every figure of the course, checked for each one that a test draws."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from vqedu import plots


@pytest.fixture(autouse=True)
def figures_keep_the_style(monkeypatch):
    drawn, close = [], plt.close

    def record(figure=None):
        if isinstance(figure, Figure):
            drawn.append(figure)
        close(figure)

    monkeypatch.setattr(plt, "close", record)
    with mpl.rc_context():
        plots.use_style()
        yield
        found = [problem for figure in drawn for problem in style_problems(figure)]
    assert found == []
    assert plt.get_fignums() == []  # a notebook would show an open figure a second time


@pytest.fixture
def rules():
    return style_problems


def style_problems(figure: Figure) -> list[str]:
    """Text too small for a projector, an axis that nobody explains, a colour of its own."""
    figure.canvas.draw()
    found = [
        f"text of {text.get_fontsize():g} points: {text.get_text()!r}"
        for text in figure.findobj(Text)
        if text.get_text().strip() and text.get_visible() and text.get_fontsize() < 10
    ]
    for number, axis in enumerate(figure.axes):
        if axis.axison:
            found += [f"panel {number}: {problem}" for problem in axis_problems(axis)]
        for line in axis.lines:
            if not is_of_the_palette(line.get_color()):
                found.append(f"panel {number}: a line of colour {line.get_color()}")
    return found


def axis_problems(axis) -> list[str]:
    """Numbers along an axis need a name: its own label, a neighbour's on a shared axis, a title."""
    columns = axis.get_shared_x_axes().get_siblings(axis)
    rows = axis.get_shared_y_axes().get_siblings(axis)
    found = []
    if has_numbers(axis.get_xticklabels()) and not any(a.get_xlabel() for a in columns):
        found.append("numbers along x, and no label")
    explained = any(a.get_ylabel() for a in rows) or axis.get_title()
    if has_numbers(axis.get_yticklabels()) and not explained:
        found.append("numbers along y, and no label")
    return found


def has_numbers(labels) -> bool:
    texts = [t.get_text() for t in labels if t.get_visible() and t.get_text()]
    return any(c.isdigit() for text in texts for c in text[:1] + text[-1:])


def is_of_the_palette(colour) -> bool:
    red, green, blue = to_rgb(colour)
    return red == green == blue or to_hex(colour).upper() in plots.COLOURS
