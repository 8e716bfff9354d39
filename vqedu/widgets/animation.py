"""Pictures that move. The browser plays them alone: no kernel, no JavaScript."""

import base64
import html
import io

from IPython.display import HTML
from PIL import Image

from ..errors import InputError


def animation(pictures: list[bytes], caption: str, seconds: float = 0.3) -> HTML:
    """Play pictures one after the other, again and again. Closing the box stops them; readers whose
    system asks for less motion see the first picture only.

    Args:
        pictures: PNG files of one size, at least one a frame (``plots.as_png`` makes them).
        caption: text below; also the alt text.
        seconds: that a picture is shown.

    Raises:
        InputError: no pictures, or pictures of several sizes.

    Used in ``chapters/08_applications``.
    """
    frames = [Image.open(io.BytesIO(picture)) for picture in pictures]
    if len({frame.size for frame in frames}) != 1:
        raise InputError("an animation needs at least one picture, and all of one size")
    buffer = io.BytesIO()
    options = {"save_all": True, "append_images": frames[1:], "loop": 0}
    frames[0].save(buffer, "png", duration=round(1000 * seconds), optimize=True, **options)
    still, moving = (base64.b64encode(data).decode() for data in (pictures[0], buffer.getvalue()))
    text = html.escape(caption)
    return HTML(
        "<details open><summary>Animation</summary><picture>"
        f'<source media="(prefers-reduced-motion: reduce)" srcset="data:image/png;base64,{still}">'
        f'<img src="data:image/png;base64,{moving}" alt="{text}"></picture><p>{text}</p></details>'
    )
