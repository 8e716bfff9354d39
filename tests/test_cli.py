import subprocess
import sys

import pytest

import vqedu
from vqedu import cli, doctor
from vqedu.errors import DataError


def run(*words):
    command = [sys.executable, "-m", "vqedu", *words]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def failing(monkeypatch):
    """Makes the doctor raise the given error."""

    def install(error):
        def main():
            raise error

        monkeypatch.setattr(doctor, "main", main)

    return install


def test_python_m_vqedu():
    done = run("--version")
    assert (done.returncode, done.stdout.strip()) == (0, f"vqedu {vqedu.__version__}")


def test_help_has_every_command_and_examples(capsys):
    with pytest.raises(SystemExit) as raised:
        cli.main(["--help"])
    text = capsys.readouterr().out
    assert raised.value.code == 0
    assert "examples:" in text
    assert "doctor" in text
    for add in cli.COMMANDS:
        assert f"vqedu {add.__name__.removeprefix('add_')}" in text


@pytest.mark.parametrize("words", [[], ["docto"], ["doctor", "--colour"], ["--verbose"]])
def test_usage_errors_exit_with_2(capsys, words):
    with pytest.raises(SystemExit) as raised:
        cli.main(words)
    assert raised.value.code == 2
    assert "usage: vqedu" in capsys.readouterr().err


@pytest.mark.parametrize("code", [0, 1])
def test_the_doctors_exit_code_is_passed_on(monkeypatch, code):
    monkeypatch.setattr(doctor, "main", lambda: code)
    assert cli.main(["doctor"]) == code


def test_an_error_is_one_line(failing, capsys):
    failing(DataError("a.gz: cut short"))
    assert cli.main(["doctor"]) == 1
    assert capsys.readouterr().err == "vqedu: error: a.gz: cut short\n"


def test_debug_shows_where_an_error_came_from(failing):
    failing(DataError("a.gz: cut short"))
    with pytest.raises(DataError):
        cli.main(["doctor", "--debug"])


def test_an_error_that_is_not_ours_is_one_line_that_says_how_to_see_more(failing, capsys):
    failing(ZeroDivisionError("division by zero"))
    assert cli.main(["doctor"]) == 1
    err = capsys.readouterr().err
    assert err == "vqedu: error: ZeroDivisionError: division by zero (--debug shows where)\n"
    with pytest.raises(ZeroDivisionError):
        cli.main(["doctor", "--debug"])


def test_ctrl_c(failing, capsys):
    failing(KeyboardInterrupt())
    assert cli.main(["doctor"]) == 130
    assert capsys.readouterr().err == "vqedu: stopped\n"
