"""Things to touch. They work in JupyterLab and, without a kernel, on a static page as well."""

from .animation import animation
from .frames import codebook_explorer, frames, token_editor
from .players import players
from .quiz import quiz
from .voronoi import voronoi

__all__ = ["animation", "codebook_explorer", "frames", "players", "quiz", "token_editor", "voronoi"]
