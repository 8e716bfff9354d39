"""Prints what the tests of the assignments found, as a table, at the end of a run."""

import re

COLUMNS = {  # what is printed above each: the tests whose names begin so
    "teacher": "test_teacher",
    "untouched": "test_untouched",
    "release": "test_release",
    "wrong": "test_wrong",
    "right": "test_right",
    "nbgrader": "test_a_sample_of_each_assignment",
}
TEST = re.compile(r"/assignments/.*::(\w+)\[(\d_[a-z0-9_]+)")


def pytest_terminal_summary(terminalreporter):
    rows = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, ()):
            if found := TEST.search(report.nodeid):
                name, assignment = found.groups()
                for title, start in COLUMNS.items():
                    if name.startswith(start):
                        counts = rows.setdefault(assignment, {}).setdefault(title, [0, 0])
                        counts[0] += outcome == "passed"
                        counts[1] += 1
    if rows:
        terminalreporter.section("assignments: as they should be, of how many")
        terminalreporter.write_line(" " * 16 + "".join(f"{title:>11}" for title in COLUMNS))
    for assignment, row in sorted(rows.items()):
        cells = ("{}/{}".format(*row[title]) if title in row else "" for title in COLUMNS)
        terminalreporter.write_line(f"{assignment:16}" + "".join(f"{cell:>11}" for cell in cells))
