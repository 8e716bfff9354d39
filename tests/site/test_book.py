"""site/book.py: what it accepts, how it refuses, and that its readers use nothing else."""

import ast
import sys

import pytest
import yaml

VALID = """
title = "A book"
question = "What is it?"
authors = ["Ada", "Grace"]
language = "en"

[repository]
url = "https://github.com/vqedu/vqedu"
branch = "main"

[[parts]]
title = "Start"
chapters = ["00_start"]

[[parts]]
title = "More"
chapters = ["01_one", "02_two"]

[launch]
binder = "https://mybinder.org"
colab = ""

[execution]
cell_timeout = 600
seconds_per_chapter = 240
"""


@pytest.fixture
def write(tmp_path):
    """Write book.toml beside the notebooks that VALID lists; returns its path."""
    (tmp_path / "chapters" / ".ipynb_checkpoints").mkdir(parents=True)
    for name in ("00_start", "01_one", "02_two", ".ipynb_checkpoints/00_start-checkpoint"):
        (tmp_path / "chapters" / f"{name}.ipynb").write_text("{}")

    def write(text=VALID):
        file = tmp_path / "book.toml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


def test_a_valid_book_is_read(book, write):
    loaded = book.load(write())
    assert loaded.chapters == ("00_start", "01_one", "02_two")
    assert loaded.authors == ("Ada", "Grace")
    assert loaded.launch.colab == ""
    assert loaded.execution.cell_timeout == 600
    with pytest.raises(AttributeError):
        loaded.title = "Another"


# What is changed in VALID, and the parts that the message must have: key, problem, mend.
WRONG = {
    "unknown key": ('title = "A book"', 'titel = "A book"', ["titel: unknown", "'title'"]),
    "unknown key, none close": ("[launch]", "zzz = 1\n[launch]", ["parts[1].zzz", "chapters"]),
    "unknown key in a table": ("branch =", "brunch =", ["repository.brunch", "'branch'"]),
    "unknown table": ("[launch]", "[lunch]", ["lunch: unknown", "'launch'"]),
    "missing key": ('language = "en"', "", ["language: missing", "Add it"]),
    "number for text": ('title = "A book"', "title = 3", ["title", "must be str", '"some text"']),
    "text for a number": ("= 600", '= "600"', ["execution.cell_timeout", "must be int", "600"]),
    "true for a number": ("= 600", "= true", ["execution.cell_timeout", "not bool"]),
    "no time at all": ("= 240", "= 0", ["execution.seconds_per_chapter", "more than 0"]),
    "text for a list": ('["Ada", "Grace"]', '"Ada"', ["authors", "list", '["one", "two"]']),
    "number in a list": ('"Grace"', "7", ["authors[1]", "must be str"]),
    "empty list": ('["00_start"]', "[]", ["parts[0].chapters", "not empty"]),
    "empty text": ('"What is it?"', '" "', ["question", "empty"]),
    "one table for parts": ("[[parts]]", "[parts]", ["not valid TOML"]),
    "a list for a table": ("[execution]", "[[execution]]", ["execution", "must be a table"]),
    "no web address": ('"https://mybinder.org"', '"mybinder"', ["launch.binder", "https://"]),
    "missing chapter": ('"01_one"', '"01_on"', ["parts[1].chapters[0]", "01_on.ipynb", "'01_one'"]),
    "with its suffix": ('"01_one"', '"01_one.ipynb"', ["chapters[0]", "'01_one'"]),
    "listed twice": ('"02_two"', '"00_start"', ["parts[1].chapters[1]", "parts[0].chapters[0]"]),
    "not listed": (', "02_two"', "", ["02_two.ipynb is in no part", "List it"]),
    "broken TOML": ('"A book"', '"A book', ["not valid TOML", "line 2"]),
}


@pytest.mark.parametrize(("before", "after", "parts"), WRONG.values(), ids=WRONG)
def test_a_wrong_book_is_refused_with_file_key_and_mend(book, write, before, after, parts):
    assert before in VALID
    with pytest.raises(book.BookError) as caught:
        book.load(write(VALID.replace(before, after)))
    message = str(caught.value)
    assert message.startswith("book.toml: ")
    for part in parts:
        assert part in message
    assert ". " in message, "the mend is missing"


def test_a_chapter_without_a_number_is_refused(book, write):
    file = write(VALID.replace("02_two", "two"))
    (file.parent / "chapters" / "02_two.ipynb").rename(file.parent / "chapters" / "two.ipynb")
    with pytest.raises(book.BookError, match="does not start with its number"):
        book.load(file)


@pytest.mark.parametrize("name", ["Untitled", "00_start-Copy1", "notes"])
def test_a_scratch_notebook_is_left_alone(book, write, name):
    """A reader makes one within minutes, in the folder that `make lab` opens."""
    file = write()
    (file.parent / "chapters" / f"{name}.ipynb").write_text("{}")
    assert name not in book.load(file).chapters


def test_a_script_ends_with_one_line(book, write, monkeypatch):
    monkeypatch.setattr(book, "ROOT", write("title =").parent)
    with pytest.raises(SystemExit, match=r"^book\.toml: not valid TOML"):
        book.load_or_exit()


def test_a_file_that_is_no_text_or_absent_is_refused(book, write, tmp_path):
    with pytest.raises(book.BookError, match="not valid TOML"):
        book.load(write(b"title = '\xff'"))
    with pytest.raises(book.BookError, match="not found"):
        book.load(tmp_path / "absent.toml")


def test_myst_yml_says_what_the_book_says(book, write):
    tricky = 'title = "Say \\"VQ\\": #1"'
    course = book.load(write(VALID.replace('title = "A book"', tricky)))
    config = yaml.safe_load(book.myst_yml(course))
    assert config["version"] == 1
    assert config["project"]["title"] == 'Say "VQ": #1'
    assert [author["name"] for author in config["project"]["authors"]] == ["Ada", "Grace"]
    toc, names = config["project"]["toc"], ("models", "claims", "glossary", "teaching")
    home, parts, pages = toc[0], toc[1:-4], toc[-4:]
    assert home == {"file": "chapters/index.md"}
    assert pages == [{"file": f"chapters/{name}.md"} for name in names]
    assert [part["title"] for part in parts] == ["Start", "More"]
    assert parts[1]["children"][0] == {"file": "chapters/01_one.ipynb"}
    assert config["site"]["template"] == "book-theme"


def test_writing_and_checking_myst_yml(book, write, monkeypatch, capsys):
    folder = write().parent
    monkeypatch.setattr(book, "ROOT", folder)
    assert book.main(["--check"]) == 1
    assert "python site/book.py" in capsys.readouterr().err
    assert not (folder / "myst.yml").exists()
    assert book.main([]) == 0
    assert book.main(["--check"]) == 0
    (folder / "myst.yml").write_text("version: 1\n")
    assert book.main(["--check"]) == 1
    write("title =")
    assert book.main([]) == 1
    assert "not valid TOML" in capsys.readouterr().err
    assert [path.name for path in folder.glob("myst*")] == ["myst.yml"]


def test_the_course_itself(book, root):
    course = book.load(root / "book.toml")
    assert (root / "myst.yml").read_text("utf-8") == book.myst_yml(course), (
        "run: python site/book.py"
    )
    home = (root / "chapters" / "index.md").read_text("utf-8")
    assert home.startswith(f"# {course.title}\n")
    assert course.question in home


def test_conf_reads_only_book_toml(root):
    """conf.py opens no file and asks no environment: all that varies comes through book.load()."""
    tree = ast.parse((root / "site" / "conf.py").read_text("utf-8"))
    imported, called = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module)
        elif isinstance(node, ast.Call):
            called.add(ast.unparse(node.func).rpartition(".")[2])
    own = {name for name in imported if not name.startswith("sphinx.")}
    assert own == {"book", "pathlib", "sys"}
    assert "load" in called
    assert not called & {"open", "read_text", "read_bytes", "exec", "eval", "__import__"}


def test_vendored_files_are_those_of_the_manifest(vendor, tmp_path, monkeypatch):
    assert vendor.check() == []
    copy = tmp_path / "vendor"
    (copy / "widgets").mkdir(parents=True)
    (copy / "manifest.json").write_text((vendor.VENDOR / "manifest.json").read_text())
    (copy / "widgets" / "embed.js").write_text("changed")
    (copy / "stray.js").write_text("")
    monkeypatch.setattr(vendor, "VENDOR", copy)
    problems = vendor.check()
    assert "stray.js: not in manifest.json" in problems
    assert "mathjax/tex-svg-full.js: missing" in problems
    assert "widgets/embed.js: its checksum is not that of manifest.json" in problems


def test_serving(serve, tmp_path, monkeypatch, capsys):
    (tmp_path / "index.html").write_text("home")
    with serve.open_server(tmp_path, 8000) as first, serve.open_server(tmp_path, 8000) as second:
        assert first.server_address[0] == "127.0.0.1"
        assert second.server_port > first.server_port
    monkeypatch.setattr(serve, "SITE", tmp_path / "absent")
    assert serve.main([]) == 1
    assert "make site" in capsys.readouterr().err
    monkeypatch.setenv("CI", "1")
    assert not serve.has_browser()
    monkeypatch.delenv("CI")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not serve.has_browser()
