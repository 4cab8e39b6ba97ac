"""A paste file is read as PasteDeploy's parser reads it, with the numbers of its lines."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from paste.deploy.loadwsgi import NicerConfigParser

from glance_notify_middleware.cli.check.ini_file import IniFile

PATH = Path("/etc/glance/api-paste.ini")

LINES = st.lists(
    st.sampled_from(
        [
            *("[filter:a]", "[b]", "[DEFAULT]", "[filter:a] x", "x = 1", "y: 2", "x=3", "  z = 4"),
            *("# comment", "; comment", "  # indented comment", "", "   ", "more", "    deeper"),
            *(
                "= 5",
                "set q = 6",
                "/v2: api",
                "x = a = b",
                "\tx = tab",
                "y =",
                "x = 1 # text",
            ),
        ]
    ),
    max_size=12,
)


def read(text: str) -> IniFile:
    return IniFile(PATH, text)


def as_paste_reads(text: str) -> dict[str, dict[str, str]]:
    """The sections as PasteDeploy's parser has them. Raises configparser.Error."""
    parser = NicerConfigParser(str(PATH), interpolation=None)
    parser.optionxform = str
    parser.read_string(text)
    sections = {name: dict(parser._sections[name]) for name in parser.sections()}
    return {**sections, "DEFAULT": dict(parser._defaults)}


@given(LINES)
def test_file_is_read_as_pastedeploy_reads_it(lines: list[str]) -> None:
    text = "\n".join(lines)
    file = read(text)
    try:
        expected = as_paste_reads(text)
    except Exception:
        assert file.broken
        return
    assert not file.broken
    found = {
        name: {each: line.text for each, line in section.lines.items()}
        for name, section in file.sections.items()
    }
    assert {"DEFAULT": {}, **found} == expected
