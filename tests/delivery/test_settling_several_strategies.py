"""What is kept, and what is removed, when several strategies are to be sent all messages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from glance_notify_middleware.journal.layout import live_path
from tests.journal.fake_leader import (
    FakeLeader,
    journal_file_names,
    read_totals,
    write_dead_process,
)
from tests.journal.processes import living_writer
from tests.journal.sample_journals import MakeJournal, message, record_each, segments

A = "a" * 16


@pytest.fixture
def leader(tmp_path: Path) -> Iterator[FakeLeader]:
    """The leader of two strategies."""
    one = FakeLeader(tmp_path, "qpid")
    yield one
    one.close()


def test_segment_goes_when_the_last_strategy_has_been_sent_it(
    make_journal: MakeJournal, leader: FakeLeader, tmp_path: Path
) -> None:
    (other,) = leader.others
    journal = make_journal(segment_size=400)
    recorded = record_each(journal, [message(bytes(400)) for _ in range(5)])
    own_identity = journal.identity
    assert leader.deliver() == recorded
    for _ in range(3):
        leader.survey(own_identity)
    assert len(segments(tmp_path)) == 5, "the other strategy has read none of it"
    assert other.read() == recorded
    leader.survey(own_identity)
    assert len(segments(tmp_path)) == 5, "it is on its way to the other strategy"
    other.confirm()
    leader.survey(own_identity)
    assert journal_file_names(tmp_path) == {f"{own_identity}.4.seg", f"{own_identity}.live"}


def test_dead_process_is_settled_once_when_all_strategies_have_been_sent_its_messages(
    leader: FakeLeader, tmp_path: Path
) -> None:
    (other,) = leader.others
    left = write_dead_process(tmp_path, A, 3)
    before = journal_file_names(tmp_path)
    for _ in range(3):
        leader.survey()
        leader.deliver()
    assert journal_file_names(tmp_path) == before, "the other strategy has read none of it"
    assert other.read() == left
    for _ in range(3):
        leader.survey()
        assert other.read() == []
    assert journal_file_names(tmp_path) == before, "it is on its way to the other strategy"
    other.confirm()
    leader.survey()
    assert journal_file_names(tmp_path) == set()
    assert read_totals(tmp_path) == ({"image.update INFO": 3}, {})
    for each in (leader, other):
        assert each.cursors.positions == {}
        assert each.reader.chains == {}


def test_living_process_that_was_taken_for_dead_is_read_on_by_all_strategies(
    leader: FakeLeader, tmp_path: Path
) -> None:
    (other,) = leader.others
    with living_writer(tmp_path, 2) as writer:
        for each in (leader, other):
            each.deliver()
            each.reader.chains[writer.identity].is_dead = True
            each.read()
            assert each.reader.chains[writer.identity].is_finished
        leader.survey()
        more = writer.record(2)
        assert leader.deliver() == other.deliver() == more


def test_loss_at_the_end_of_a_journal_is_logged_once(
    leader: FakeLeader, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_dead_process(tmp_path, A, 2, number=5)
    leader.settle()
    assert not live_path(tmp_path, A).exists()
    assert [each.getMessage() for each in caplog.records] == [
        f"3 notifications are lost: the journal of {A} is damaged at its end"
    ]
