"""Things to touch. They work in JupyterLab and, without a kernel, on a static page as well."""

from .frames import codebook_explorer, frames, token_editor
from .quiz import quiz
from .voronoi import voronoi

__all__ = ["codebook_explorer", "frames", "quiz", "token_editor", "voronoi"]
