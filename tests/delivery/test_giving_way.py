"""A relay that is a thread of a worker lets the worker's requests run, again and again."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from glance_notify_middleware.delivery import lane
from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.journal import chain
from glance_notify_middleware.journal.layout import file_sizes
from glance_notify_middleware.journal.reader import Reader
from glance_notify_middleware.strategies import Outcome
from tests.delivery.file_broker import AppendingStrategy, FileBroker, running_relay
from tests.journal.processes import eventually
from tests.journal.sample_journals import MakeJournal, ids, message, record_each

KIB = 1024


def test_reading_gives_way_once_in_64_kib(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[None] = []
    monkeypatch.setattr(chain, "give_way", lambda: given.append(None))
    record_each(make_journal(), [message(bytes(KIB)) for _ in range(500)])
    reader = Reader(tmp_path, {})
    assert len(ids(reader.read(500))) == 500
    reader.close()
    assert len(given) >= sum(file_sizes(tmp_path).values()) // (64 * KIB)


def test_reading_what_is_new_from_time_to_time_need_not_give_way(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[None] = []
    journal = make_journal()
    reader = Reader(tmp_path, {})
    reader.read(500)
    monkeypatch.setattr(chain, "give_way", lambda: given.append(None))
    for _ in range(50):
        record_each(journal, [message()])
        assert len(ids(reader.read(500))) == 1
    reader.close()
    assert len(given) <= 1


def test_lane_gives_way_before_a_long_batch_is_sent_and_before_its_outcomes_are_applied(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    class Noting(AppendingStrategy):
        def send(self, batch: Sequence[Message]) -> list[Outcome]:
            done.append("sent")
            return super().send(batch)

    monkeypatch.setattr(lane, "give_way", lambda: done.append("gave way"))
    make_journal().record([message() for _ in range(100)])
    with running_relay(tmp_path, lambda: Noting(tmp_path / "broker")):
        eventually(lambda: len(done) >= 3)
    assert done == ["gave way", "sent", "gave way"]


def test_lane_does_not_give_way_for_a_short_batch(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[None] = []
    monkeypatch.setattr(lane, "give_way", lambda: given.append(None))
    recorded = record_each(make_journal(), [message() for _ in range(3)])
    broker = FileBroker(tmp_path / "broker")
    with running_relay(tmp_path, lambda: AppendingStrategy(broker.path)):
        eventually(broker.has(recorded))
    assert not given
