"""Quizzes: one schema, its refusals, the HTML, and every quiz that ships."""

import re

import pytest
from bs4 import BeautifulSoup

from vqedu.errors import InputError
from vqedu.widgets import quiz
from vqedu.widgets.quiz import QUIZZES, read_quiz

NAMES = sorted(file.name.removesuffix(".toml") for file in QUIZZES.iterdir())
OPTIONS = (
    '{ text = "a < b", why = "so & so" }, { text = "c", why = "no", right = true }, '
    '{ text = "d", why = "no" }'
)
QUESTION = f'[[question]]\nask = "Which?"\noptions = [{OPTIONS}]\n'


def test_a_quiz_is_read():
    questions = read_quiz(QUESTION * 5)
    assert len(questions) == 5
    assert questions[0].ask == "Which?"
    assert [option.right for option in questions[0].options] == [False, True, False]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("[[question]]", "[[question", "valid TOML"),
        ("[[question]]", "[[questions]]", "5 \\[\\[question\\]\\] tables"),
        ('ask = "Which?"', "", "question 1: must have 'ask'"),
        ("right = true", "right = false", "got 3, 0 right"),
        ('why = "so & so"', 'why = "so", right = true', "got 3, 2 right"),
        (', { text = "d", why = "no" }', "", "got 2, 1 right"),
        (', why = "so & so"', "", "has 'text' and 'why'"),
        ('why = "so & so"', 'why = "so", wrong = true', "has 'text' and 'why'"),
        ('why = "so & so"', 'why = " "', "not empty"),
        ('ask = "Which?"', "ask = 3", "must be text"),
        ('why = "so & so"', 'why = "so", right = "no"', "has 'text' and 'why'"),
        ('why = "so & so"', 'why = "so", right = 1', "has 'text' and 'why'"),
        (f"[{OPTIONS}]", "3", "must be a list of tables"),
        (f"[{OPTIONS}]", '["a", "b", "c"]', "must be a list of tables"),
    ],
)
def test_a_broken_quiz_is_refused(old, new, complaint):
    assert old in QUESTION
    with pytest.raises(InputError, match=complaint):
        read_quiz(QUESTION.replace(old, new) + QUESTION * 4)


def test_four_questions_are_too_few():
    with pytest.raises(InputError, match="got 4"):
        read_quiz(QUESTION * 4)


def test_an_unknown_quiz_names_those_there_are():
    with pytest.raises(InputError, match=r"there are .*05_vqvae"):
        quiz("05_vae")


@pytest.mark.parametrize("name", NAMES)
def test_what_ships(name):
    """Right answers stand in different places, and are not told by their length."""
    questions = read_quiz((QUIZZES / f"{name}.toml").read_text("utf-8"))
    places, longest = set(), 0
    for question in questions:
        texts = [option.text for option in question.options]
        assert len(set(texts)) == len(texts)
        assert all(len(option.why) > len("No, it is.") for option in question.options)
        places.add([option.right for option in question.options].index(True))
        right = next(option for option in question.options if option.right)
        longest += len(right.text) == max(map(len, texts))
    assert len(places) >= 3
    assert longest <= 3, "the longest option is the right one too often"


@pytest.mark.parametrize("name", NAMES)
def test_html(name):
    page = BeautifulSoup(quiz(name).data, "html.parser")
    questions = read_quiz((QUIZZES / f"{name}.toml").read_text("utf-8"))
    options = [option for question in questions for option in question.options]
    folded = page.find_all("details")
    assert [one.summary.get_text() for one in folded] == [option.text for option in options]
    for one, option in zip(folded, options, strict=True):
        verdict, why = re.fullmatch(r"(✓ Right|✗ No)\. (.*)", one.p.get_text()).groups()
        assert (verdict, why) == ("✓ Right" if option.right else "✗ No", option.why)
        assert not one.has_attr("open")
    assert len({one["name"] for one in folded}) == 5  # one group a question
    assert not page.find_all("script")
