"""Points, codes and their cells, to be dragged: k-means by hand. Drawn by the browser alone, so it
works without a kernel."""

import html
import json
from importlib.resources import files

from IPython.display import HTML
from torch import Tensor

from ..errors import InputError

ASPECT = 472 / 352  # of the drawing inside its edge
PAGE = files("vqedu") / "assets" / "voronoi.html"
MOST_CODES, MOST_POINTS = 8, 200  # as many as there are colours, and as one can tell apart


def voronoi(points: Tensor, codes: Tensor) -> HTML:
    """A plane of points and codes. Drag either, or move a code with the arrow keys: cells,
    assignment and error follow. Buttons move the codes to the means of their points.

    The error shown is the mean over all coordinates of the squared distance to the nearest code,
    ``(points - codes[assign(points, codes)]).square().mean()``.

    Args:
        points: (N, 2), at most 200.
        codes: (K, 2), at most 8.

    Raises:
        InputError: other shapes, more points or codes, none, or values that are not finite.

    Used in ``chapters/02_concepts``; ``plots.cells`` draws the same without a browser.
    """
    for name, given, most in (("points", points, MOST_POINTS), ("codes", codes, MOST_CODES)):
        if given.ndim != 2 or given.shape[1] != 2 or not 1 <= len(given) <= most:
            raise InputError(f"{name} must be (n, 2), n from 1 to {most}; got {tuple(given.shape)}")
        if not given.isfinite().all():
            raise InputError(f"{name} must be finite")
    start = {"points": _rounded(points), "codes": _rounded(codes), "bounds": _bounds(points, codes)}
    data = html.escape(json.dumps(start))
    return HTML(PAGE.read_text("utf-8").replace("__START__", data))


def _rounded(places: Tensor) -> list[list[float]]:
    return [[round(value, 4) for value in place] for place in places.double().tolist()]


def _bounds(points: Tensor, codes: Tensor) -> list[float]:
    """Left, right, bottom and top of a frame around all, in which both axes have one scale."""
    low = points.amin(0).minimum(codes.amin(0)).double()
    high = points.amax(0).maximum(codes.amax(0)).double()
    middle = (low + high) / 2
    width, height = (high - low).tolist()
    half = max(width / 2, height / 2 * ASPECT, 1e-3) * 1.1
    x, y = middle.tolist()
    return [round(v, 4) for v in (x - half, x + half, y - half / ASPECT, y + half / ASPECT)]
