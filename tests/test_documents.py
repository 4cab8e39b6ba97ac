"""The documents state what the code does; their links and the paths that they name exist."""

import argparse
import ast
import configparser
import functools
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.glance import STOCK_PASTE_FILE
from glance_notify_middleware.cli.app import COMMANDS
from glance_notify_middleware.config import OPTIONS
from glance_notify_middleware.events.operations import ROUTES

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "glance_notify_middleware"
SAMPLE = (ROOT / "etc" / "api-paste-notify.ini").read_text()
README = ROOT / "README.md"
INDEX = ROOT / "docs" / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def test_the_options_page_has_every_option_with_its_default_and_help() -> None:
    page = (ROOT / "docs" / "options.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*) \|$", page, re.MULTILINE)
    options = [(o.name, f"`{o.default}`" if o.default else "empty", o.help) for o in OPTIONS]
    assert rows == options


def test_the_samples_pipelines_hold_the_filter_after_context_and_before_cache() -> None:
    pipelines = dict(re.findall(r"^#(keystone\S*) = (.*)$", SAMPLE, re.MULTILINE))
    assert sorted(pipelines) == ["keystone", "keystone+cachemanagement", "keystone+caching"]
    for words in map(str.split, pipelines.values()):
        assert words[words.index("notify") - 1] == "context"
        assert words[words.index("notify") + 1] in ("cache", "rootapp")


def test_the_sample_can_be_appended_to_the_stock_paste_file() -> None:
    whole = configparser.ConfigParser(interpolation=None)
    whole.read_string(STOCK_PASTE_FILE.read_text() + SAMPLE)
    assert whole["filter:notify"]["notifier_strategy"] == "logging"


def test_the_documents_have_every_api_call() -> None:
    pages = {1: ROOT / "docs" / "events.md", 2: README}
    for route in ROUTES:
        lines = pages[route.version].read_text().splitlines()
        path = f"/v{route.version}/" + re.sub(r"\{(image)\}", "{id}", route.path)
        row = next((line for line in lines if f"`{route.method} {path}`" in line), "")
        assert row, f"{route.method} {path}"
        for event_type in route.success_events:
            assert event_type.removeprefix("image.") in row, (row, event_type)


def test_the_readme_has_ten_kilobytes_at_most() -> None:
    assert README.stat().st_size <= 10_000


def test_the_readme_links_to_every_page_and_the_index_to_every_measured_one() -> None:
    in_readme, in_index = ({path for path, _ in links(page)} for page in (README, INDEX))
    for page in PAGES:
        if page != README:
            assert page in (in_index if page.parent.name == "measured" else in_readme), page


def test_the_index_has_one_line_for_each_page_of_its_folder() -> None:
    rows = re.findall(r"^\| \[[\w-]+\]\(([\w/.-]+)\) \|", INDEX.read_text(), re.MULTILINE)
    pages = [page for page in PAGES if INDEX.parent in page.parents and page != INDEX]
    assert sorted(INDEX.parent / row for row in rows) == pages


@by_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for path, anchor in links(page):
        assert path.exists(), path
        assert not anchor or anchor in anchors(path), f"{path}#{anchor}"


@by_page
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    """A path is text in backticks, of the repository or of the package, that ends as one does."""
    named = re.findall(r"`([\w.-]+(?:/[\w.-]+)*(?:\.(?:py|toml|txt|ini|yaml)|/))`", prose(page))
    for name in named:
        assert (ROOT / name).exists() or (PACKAGE / name).exists() or name in ELSEWHERE, name


ELSEWHERE = ("glance-api-paste.ini", "api-paste.ini")
"""Files of Glance, which the documents name too."""


def test_the_architecture_has_every_module() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    for path in PACKAGE.rglob("*.py"):
        module = path.relative_to(PACKAGE)
        assert module.name == "__init__.py" or f"`{module}`" in page, module


def test_every_module_that_the_architecture_names_has_the_names_beside_it() -> None:
    """`room/module.py`: `name`, or `room/module.py` (`name`): the module has that name."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    found = re.findall(r"`([\w/]+\.py)`(?::| \() ?((?:`[\w.]+`(?:, | and )?)+)", page)
    assert found
    for module, names in found:
        source = (PACKAGE / module).read_text()
        for name in re.findall(r"`([\w.]+)`", names):
            *_, last = name.split(".")
            assert re.search(rf"\b(def|class) {last}\b|^\s*{last}\b.*=", source, re.MULTILINE), (
                f"{module}: {name}"
            )


# -- the command glance-notify --------------------------------------------------------------


@by_page
def test_every_command_that_a_page_names_exists_with_its_options(page: Path) -> None:
    for words in command_lines(page):
        name = next((name for name in (" ".join(words[:2]), words[0]) if name in COMMANDS), "")
        assert name or words[0] in ("complete", *GROUPS), words
        if name:
            known = parser_of(name)._option_string_actions
            for word in words:
                assert not word.startswith("--") or word.partition("=")[0] in known, words


GROUPS = {name.split()[0] for name in COMMANDS if " " in name}
"""The first words of commands of two words, such as `dead`."""


def command_lines(page: Path) -> Iterator[list[str]]:
    """The words behind `glance-notify` in each piece of code of a page."""
    text = re.sub(r"\\\n\s*", "", page.read_text())
    code = re.findall(r"`(glance-notify [^`\n]+)`", text)
    code += re.findall(r"^(?: {2,}|[$#] |ExecStart=)+(\S*glance-notify .*)$", text, re.MULTILINE)
    for line in code:
        words = re.split(r" *[|>;#,:&]", line)[0].split()[1:]
        if words and re.fullmatch(r"[a-z-]+", words[0]) and not words[0].startswith("-"):
            yield words


@functools.cache
def parser_of(name: str) -> argparse.ArgumentParser:
    module, _, command = COMMANDS[name].partition(":")
    found = importlib.import_module(f"glance_notify_middleware.cli.{module}")
    parser: argparse.ArgumentParser = getattr(found, command)(None, None).get_parser(name)
    return parser


# -- the lines of the log -------------------------------------------------------------------


def test_every_log_line_of_the_operations_page_is_made_by_the_code() -> None:
    lines = log_lines()
    assert len(lines) > 50
    for line in lines:
        for fragment in re.split(r"<[^<>`]+>", line):
            text = fragment.strip(" :;,")
            assert not text or is_made(text), f"{text!r} of {line!r}"


def log_lines() -> list[str]:
    """The texts in the second column of the tables that have a level in the first."""
    page = (ROOT / "docs" / "operations.md").read_text()
    levels = r"(?:DEBUG|INFO|WARNING|ERROR)(?:, INFO)?"
    return re.findall(rf"^\| {levels} \| `([^`]+)` \| .* \|$", page, re.MULTILINE)


SHORTEST = 5  # characters of a part: shorter ones stand in any code


def is_made(text: str) -> bool:
    """Whether some module has the text in a string, or its parts, which it puts together."""
    return any(_is_in(text, strings) for strings in strings_of_the_code())


def _is_in(text: str, strings: str) -> bool:
    if text in strings:
        return True
    for mark in re.finditer("[ ;:,]", text):
        part, rest = text[: mark.start()], text[mark.start() :].strip(" ;:,")
        if min(len(part), len(rest)) >= SHORTEST and part in strings and _is_in(rest, strings):
            return True
    return False


@functools.cache
def strings_of_the_code() -> list[str]:
    """For each module what its string literals hold, with `\0` in the place of a value."""
    return ["\n".join(_strings(ast.parse(path.read_text()))) for path in PACKAGE.rglob("*.py")]


def _strings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"\{\w*\}|%[sd]", "\0", node.value)
        elif isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
            yield "".join(map(str, parts))


def test_every_log_line_that_the_code_spells_out_stands_on_the_operations_page() -> None:
    """Those of which a text stands in the call; others are put together from several."""
    page = "\n".join(log_lines())
    found = [text for path in PACKAGE.rglob("*.py") for text in logged(ast.parse(path.read_text()))]
    assert len(found) > 10
    for text in found:
        fragments = (fragment.strip(" :;,") for fragment in text.split("\0"))
        longest = max(fragments, key=len)
        assert len(longest) < SHORTEST or longest in page, text


def logged(tree: ast.AST) -> Iterator[str]:
    """The texts of the calls that log something."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_logging(node.func):
            yield from (text for each in node.args for text in _strings(each))


def _is_logging(function: ast.expr) -> bool:
    match function:
        case ast.Attribute(value=ast.Name(id="LOG")):
            return True
        case ast.Name(id="log_line" | "log_error"):
            return True
    return False


# -- links ----------------------------------------------------------------------------------


def links(page: Path) -> list[tuple[Path, str]]:
    """Where the relative links of a page lead: a path, and an anchor or nothing."""
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    relative = (each for each in targets if not re.match(r"[a-z]+:", each))
    parted = (each.partition("#") for each in relative)
    return [
        ((page.parent / path).resolve() if path else page, anchor) for path, _, anchor in parted
    ]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^( *)```.*?^\1```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
