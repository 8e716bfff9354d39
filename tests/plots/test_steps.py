"""The bars of a training step: where each part lies, and what is written on it."""

import pytest
from matplotlib.colors import to_hex

from vqedu import plots

STEPS = {
    "VQ-VAE": {"encoder": 3.0, "quantiser": 0.1, "decoder": 1.9},
    "VQGAN": {"encoder": 3.0, "quantiser": 0.1, "decoder": 1.9, "discriminator": 5.0},
}


def drawn(figure):
    """(row, start, width) of each piece, by the name in the legend."""
    axis = figure.axes[0]
    found = {}
    for group in axis.containers:
        for bar in group.patches:
            key = to_hex(bar.get_facecolor()), bar.get_hatch()
            row = round(bar.get_y() + bar.get_height() / 2)
            found.setdefault(key, []).append((row, bar.get_x(), bar.get_width()))
    legend = axis.get_legend()
    names = [text.get_text() for text in legend.get_texts()]
    keys = [(to_hex(h.get_facecolor()), h.get_hatch()) for h in legend.get_patches()]
    return {name: found[key] for name, key in zip(names, keys, strict=True)}


def test_parts_follow_each_other():
    pieces = drawn(plots.stacked(STEPS, "milliseconds"))
    assert list(pieces) == ["encoder", "quantiser", "decoder", "discriminator"]
    assert pieces["encoder"] == [(0, 0, 3), (1, 0, 3)]
    assert pieces["quantiser"] == [(row, 3, pytest.approx(0.1)) for row in (0, 1)]
    assert pieces["decoder"] == [(0, pytest.approx(3.1), 1.9), (1, pytest.approx(3.1), 1.9)]
    assert pieces["discriminator"] == [(1, 5, 5)]  # and nothing in the other bar


def test_shares_are_of_the_own_bar_and_small_ones_stand_above():
    axis = plots.stacked(STEPS, "milliseconds").axes[0]
    on = [text.get_text() for text in axis.texts if text.get_position()[1] in (0, 1)]
    assert sorted(on) == sorted(["60%", "30%", "38%", "19%", "50%"])
    above = {t.get_text(): t.get_position() for t in axis.texts if t.get_text() not in on}
    assert above == {"2%": (3.05, pytest.approx(-0.33)), "1%": (3.05, pytest.approx(0.67))}
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["VQ-VAE", "VQGAN"]
    assert axis.get_xlabel() == "milliseconds"
    assert axis.yaxis_inverted()  # the first bar on top


def test_no_two_parts_look_alike():
    many = {"a bar": {f"part {i}": 1.0 for i in range(10)}}
    assert len(drawn(plots.stacked(many, "ms"))) == 10
