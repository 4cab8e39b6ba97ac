"""The tests' own reader of a log that is being written."""

from pathlib import Path

from tests.message_log import MessageLog


def test_line_of_a_log_that_is_half_written_is_read_once_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = MessageLog(path)
    assert log.new_messages() == []
    path.write_text('{"a": 1}\n{"b"')
    assert log.new_messages() == [{"a": 1}]
    assert log.new_messages() == []
    with path.open("a") as file:
        file.write(": 2}\n")
    assert log.new_messages() == [{"b": 2}]
