"""The look itself, and that the rules of conftest.py catch what breaks them."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from vqedu import plots


def test_style():
    with mpl.rc_context():
        plots.use_style()
        assert plt.rcParams["axes.prop_cycle"].by_key()["color"] == list(plots.COLOURS)
        assert plt.rcParams["axes.spines.top"] is False
        assert plt.rcParams["font.size"] >= 12
    assert len(set(plots.COLOURS)) == 5


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda axis: axis.set_xlabel(""), "along x"),
        (lambda axis: axis.set_ylabel(""), "along y"),
        (lambda axis: axis.text(0, 0, "tiny", fontsize=8), "8 points"),
        (lambda axis: axis.plot([1, 2], color="red"), "colour red"),
        (lambda axis: None, None),
        (lambda axis: axis.axis("off"), None),
        (lambda axis: (axis.set_xlabel(""), axis.set_xticks([1], ["VAE"])), None),
    ],
)
def test_the_rules_themselves(rules, spoil, complaint):
    figure = mpl.figure.Figure()
    axis = figure.subplots()
    axis.plot([1, 2], color=plots.COLOURS[0])
    axis.set(xlabel="step", ylabel="loss")
    spoil(axis)
    found = rules(figure)
    assert found == [] if complaint is None else complaint in " ".join(found)
