"""Five questions at the end of a chapter. Plain HTML: they work without a kernel, without
JavaScript, and from the keyboard."""

import html
import tomllib
from dataclasses import dataclass
from importlib.resources import files

from IPython.display import HTML

from ..errors import InputError

QUIZZES = files("vqedu") / "assets" / "quizzes"
QUESTIONS, OPTIONS = 5, (3, 4)


@dataclass(frozen=True)
class Option:
    """One answer: what it says, whether it is right, and why."""

    text: str
    why: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """What is asked, and three or four options of which exactly one is right."""

    ask: str
    options: tuple[Option, ...]


def quiz(chapter: str) -> HTML:
    """The five questions of a chapter. Opening an option tells whether it is right, and why.

    Args:
        chapter: ``"04_math"``; the questions are in ``vqedu/assets/quizzes/04_math.toml``.

    Raises:
        InputError: there is no such quiz, or its file does not keep the form.

    Used at the end of every chapter.
    """
    file = QUIZZES / f"{chapter}.toml"
    if not file.is_file():
        known = sorted(f.name.removesuffix(".toml") for f in QUIZZES.iterdir())
        raise InputError(f"there is no quiz {chapter!r}; there are {', '.join(known)}")
    questions = read_quiz(file.read_text("utf-8"))
    body = "".join(_question(chapter, n, q) for n, q in enumerate(questions, 1))
    return HTML(f'<div class="quiz">{body}</div>')


def read_quiz(text: str) -> tuple[Question, ...]:
    """Questions from the text of a TOML file of ``[[question]]`` tables.

    Raises:
        InputError: names the question and what is wrong with it.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"a quiz must be valid TOML: {error}") from error
    entries = table.get("question", [])
    if table.keys() != {"question"} or len(entries) != QUESTIONS:
        raise InputError(
            f"a quiz has {QUESTIONS} [[question]] tables and nothing else; got {len(entries)} "
            f"and the keys {sorted(table)}"
        )
    return tuple(_read(n, entry) for n, entry in enumerate(entries, 1))


def _read(number: int, entry: dict) -> Question:
    if entry.keys() != {"ask", "options"}:
        raise InputError(f"question {number}: must have 'ask' and 'options'; got {sorted(entry)}")
    options = entry["options"]
    if not (isinstance(options, list) and all(isinstance(one, dict) for one in options)):
        raise InputError(f"question {number}: 'options' must be a list of tables")
    for option in options:
        known = {"text", "why"} <= option.keys() <= {"text", "why", "right"}
        if not known or not isinstance(option.get("right", False), bool):
            raise InputError(
                f"question {number}: an option has 'text' and 'why', and the right one "
                f"'right = true'; got {sorted(option)}"
            )
    options = tuple(Option(**option) for option in options)
    right = sum(option.right for option in options)
    if right != 1 or not OPTIONS[0] <= len(options) <= OPTIONS[1]:
        raise InputError(
            f"question {number}: needs {OPTIONS[0]} to {OPTIONS[1]} options, exactly one of them "
            f"right; got {len(options)}, {right} right"
        )
    words = [entry["ask"]] + [s for option in options for s in (option.text, option.why)]
    if not all(isinstance(word, str) and word.strip() for word in words):
        raise InputError(f"question {number}: 'ask', 'text' and 'why' must be text, not empty")
    return Question(entry["ask"], options)


def _question(chapter: str, number: int, question: Question) -> str:
    """HTML of one question. Options share a name, so that a browser keeps one open at a time."""
    options = "".join(
        f'<details name="quiz-{chapter}-{number}"><summary>{html.escape(option.text)}</summary>'
        f"<p><strong>{'✓ Right.' if option.right else '✗ No.'}</strong> "
        f"{html.escape(option.why)}</p></details>"
        for option in question.options
    )
    return f"<p><strong>{number}.</strong> {html.escape(question.ask)}</p>{options}"
