"""What holds for every command: help, wrong use, exit statuses, defects."""

import pytest

from glance_notify_middleware.cli import paste_file
from glance_notify_middleware.cli.app import COMMANDS
from tests.cli.conftest import Run


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_ends_with_an_example(name: str, run: Run) -> None:
    ended = run(*name.split(), "--help")
    assert ended.status == 0
    assert ended.out.splitlines()[-1].startswith(f"Example: glance-notify {name}")


@pytest.mark.parametrize("name", COMMANDS)
def test_unknown_argument_is_one_line_and_wrong_use(name: str, run: Run) -> None:
    ended = run(*name.split(), "--no-such-argument")
    line = ended.one_line(2)
    assert line.startswith(f"glance-notify {name}: ")


@pytest.mark.parametrize("words", [["forget"], ["--no-such-option"], ["dead", "forget"]])
def test_unknown_command_is_one_line_and_wrong_use(words: list[str], run: Run) -> None:
    ended = run(*words)
    assert ended.status == 2
    assert ended.out == ""
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chek"], "there is no command 'chek'; did you mean check?"),
        (["dead", "shwo"], "there is no command 'dead shwo'; did you mean dead show?"),
        (["aside"], "there is no command 'aside'; expected aside drop, aside list, aside retry"),
        (["aside", "-h"], "there is no command 'aside'; expected aside drop, aside list"),
        (["\x1b[2J"], "expected aside drop, "),
    ],
)
def test_unknown_command_is_named_with_what_is_meant(words: list[str], said: str, run: Run) -> None:
    ended = run(*words)
    assert said in ended.err
    assert "\x1b" not in ended.err


def test_version_is_shown(run: Run) -> None:
    assert run("--version").out.startswith("glance-notify 0.")


def test_text_of_an_unexpected_error_is_not_shown(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("pa55word")

    monkeypatch.setattr(paste_file, "find", fail)
    ended = run("relay")
    assert ended.status == 3
    assert "RuntimeError in" in ended.err
    assert "pa55word" not in ended.out + ended.err
