"""docs/checking.md says what `check` finds, and shows what it prints."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from glance_notify_middleware.cli.check import targets
from tests.cli.conftest import Run
from tests.commands.documented import DOCS, assert_documented
from tests.commands.wrong_setups import OF_FILES, SetUp, put

PACKAGE = DOCS.parent / "glance_notify_middleware"
MAKERS = ("Finding", "_find", "_error", "_warning", "_refuse", "error", "warning")
"""The functions that are called with the name of a finding."""


def names_of_the_page(text: str) -> list[str]:
    """The names in the first column of tables; several share a row."""
    cells = re.findall(r"^\| (`[\w`, -]+`) \| (?:ERROR|WARNING)", text, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([\w-]+)`", cell)]


def nodes_of(folder: str) -> Iterator[ast.AST]:
    """All of the code below a folder of the package."""
    for path in PACKAGE.glob(f"{folder}/**/*.py"):
        yield from ast.walk(ast.parse(path.read_text()))


def names_of_the_code(folder: str) -> Iterator[str]:
    """The names of findings: texts with hyphens in the calls that make findings."""
    for node in nodes_of(folder):
        if isinstance(node, ast.Call) and _name(node.func) in MAKERS:
            texts = [each.value for each in node.args if isinstance(each, ast.Constant)]
            yield from (str(text) for text in texts if _is_name(str(text)))


def texts_of_the_code() -> set[str]:
    """All texts of the code that looks, the parts of those that are put together among them."""
    nodes = (*nodes_of("cli/check"), *nodes_of("strategies"))
    return {str(node.value) for node in nodes if isinstance(node, ast.Constant)}


def is_made(name: str, texts: set[str]) -> bool:
    """Whether a text is the name, or its end behind a word that the code puts there."""
    return name in texts or any(text[:1] == "-" and name.endswith(text) for text in texts)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_name(text: str) -> bool:
    return re.fullmatch(r"[a-z]+(-[a-z]+)+", text) is not None


def test_the_page_has_each_finding_once() -> None:
    names = names_of_the_page((DOCS / "checking.md").read_text())
    assert sorted(names) == sorted(set(names))
    assert set(names_of_the_code("cli/check")) <= set(names)
    texts = texts_of_the_code()
    assert [name for name in names if not is_made(name, texts)] == []


def test_the_table_of_wrong_set_ups_has_each_finding_that_needs_no_broker() -> None:
    page = (DOCS / "checking.md").read_text().partition("## Brokers")[0]
    names = names_of_the_page(page)
    assert len(names) > 16
    assert {row.name for row in OF_FILES} == set(names)


def test_the_page_shows_what_is_printed(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "findings", lambda *_: iter(()))
    at = SetUp(tmp_path, "root")
    at.lay_out()
    at.edit("context notify rootapp", "context rootapp")
    at.line("journal_sync = ful")
    at.line("rabbit_max_retries = 0")
    put(at.uwsgi, "uwsgi", "", "enable-threads")
    printed = run(*at.arguments, "-f", "lines").out.replace(str(tmp_path / "etc"), "/etc/glance")
    lines = [line for line in printed.splitlines() if " journal-" not in line]
    command = "glance-notify check --uwsgi /etc/glance/uwsgi.ini"
    assert_documented("checking.md", command, "\n".join(lines))
