"""A journal with dead letters and messages set aside, which commands repair."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

from glance_notify_middleware.delivery.aside.files import AsideFiles
from glance_notify_middleware.delivery.cursors import CursorFile
from glance_notify_middleware.delivery.dead_files import DeadFiles
from glance_notify_middleware.delivery.dead_letters import append
from glance_notify_middleware.events.notification import Message, Notification, message_of
from tests.cli.conftest import Run
from tests.cli.node_states import PASSWORD, paste_file
from tests.delivery.file_broker import running_relay
from tests.delivery.scripted_strategy import ChooseOutcome, ScriptedStrategy, take_all
from tests.journal.processes import eventually

TARGETS = ("rabbit", "qpid")


def message(notification: Notification) -> Message:
    """The message of a notification."""
    return message_of(json.loads(notification.to_json()))


class RepairedJournal:
    """A journal_dir, and a paste file with the section that names it."""

    def __init__(self, folder: Path, *, strategy: str = ", ".join(TARGETS), more: str = "") -> None:
        self.folder = folder
        self.directory = folder / "journal"
        self.directory.mkdir(exist_ok=True, mode=0o700)
        lines = f"journal_dir = {self.directory}\n{more}"
        self.paste = paste_file(folder, strategy=strategy, more=lines)

    def add_dead(self, target: str, *notifications: Notification) -> list[str]:
        """Have the leader append dead letters; returns the message ids."""
        for each in notifications:
            append(self.directory, target, message(each))
        return [each.message_id for each in notifications]

    def add_aside(self, target: str, *notifications: Notification) -> list[str]:
        """Have the leader set messages aside; returns the message ids."""
        cursors = CursorFile(self.directory, [target]).of(target)
        files = AsideFiles(self.directory, target, cursors, 2**30)
        for each in notifications:
            assert files.add(message(each))
        return [each.message_id for each in notifications]

    def dead(self) -> list[tuple[str, str]]:
        """The target and the message id of each dead letter."""
        letters = DeadFiles(self.directory).letters()
        return [(letter.target, letter.message_id) for letter in letters]

    def aside_files(self) -> list[str]:
        """The names of the aside files, and of requests to try them."""
        return sorted(path.name for path in self.directory.glob("aside.*"))

    def deliver(self, choose: ChooseOutcome = take_all) -> dict[str, list[Message]]:
        """Run a leader until there is no aside file; returns what each target was sent."""
        strategies = {name: ScriptedStrategy(choose) for name in TARGETS}
        with running_relay(
            self.directory, lambda: strategies["rabbit"], qpid=lambda: strategies["qpid"]
        ):
            eventually(lambda: not self.aside_files())
        return {
            name: [each for batch in strategy.batches for each in batch]
            for name, strategy in strategies.items()
        }


def assert_wrong_use(run: Run, said: str, *words: str) -> None:
    """Run the command with these words: it ends with one line that has `said` and no password."""
    line = run(*words).one_line(2)
    assert said in line
    assert PASSWORD not in line


def ids(messages: Sequence[Message]) -> list[str]:
    """The ids of messages."""
    return [each.message_id for each in messages]


class Terminal(io.StringIO):
    """A terminal at which somebody has typed an answer."""

    def isatty(self) -> bool:
        return True
