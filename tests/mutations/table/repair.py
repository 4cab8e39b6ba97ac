"""Mistakes in cli/repair, and in what delivery does for it: dead letters, aside files, replay."""

from tests.mutations.mutation import Mutation

_ON_THE_DISK = ("cli/test_dead.py::test_letter_is_in_the_journal_on_the_disk_before_it_is_removed",)

MUTATIONS = (
    Mutation(
        "a dead letter is removed before it is in the journal",
        "cli/repair/dead.py",
        "            new = [place for place in messages",
        "            letters.files.remove(letter for letter, _ in batch)\n"
        "            new = [place for place in messages",
        _ON_THE_DISK,
    ),
    Mutation(
        "a dead letter is removed before the journal is synced",
        "cli/repair/dead.py",
        "            sending.sync()\n",
        "",
        _ON_THE_DISK,
    ),
    Mutation(
        "all dead letters are removed where there was room for some",
        "cli/repair/dead.py",
        "for letter, _ in batch if _place(letter) in done)",
        "for letter, _ in batch)",
        ("cli/test_dead.py::test_retry_without_room_is_an_error_and_removes_nothing_more",),
    ),
    Mutation(
        "a dead letter that is gone is removed, whatever stands in its place",
        "delivery/dead_files.py",
        "if os.pread(fd, size, letter.offset) == letter.line:",
        "if os.pread(fd, size, letter.offset):",
        ("delivery/test_dead_files.py::test_removed_letter_is_overwritten_in_its_place",),
    ),
    Mutation(
        "a file is removed to which the leader may append",
        "delivery/dead_files.py",
        "(int(found[1]), int(found[2])) < (now.year, now.month)",
        "(int(found[1]), int(found[2])) <= (now.year, now.month)",
        ("delivery/test_dead_files.py::test_file_of_an_earlier_month_goes_with_its_last_letter",),
    ),
    Mutation(
        "new messages wait behind those that are sent again",
        "delivery/aside/files.py",
        "return priority in self._due and priority not in self._of_operator",
        "return priority in self._due",
        ("delivery/test_sent_again.py::test_new_messages_do_not_wait_behind_those_sent_again",),
    ),
    Mutation(
        "the window waits until all that is sent again is delivered",
        "delivery/dispatcher.py",
        "self._window_first = worked",
        "self._window_first = False",
        ("delivery/test_sent_again.py::test_window_and_aside_files_take_turns",),
    ),
    Mutation(
        "what is sent again takes the room of what the broker does not take",
        "delivery/aside/sending_again.py",
        "_PART = 2 ",
        "_PART = 1 ",
        ("delivery/test_sent_again.py::test_half_of_the_bound_is_free_for_the_leader",),
    ),
    Mutation(
        "an old cursor skips what is sent again",
        "delivery/aside/sending_again.py",
        "if not os.path.lexists(path) and cursor(",
        "if not path and cursor(",
        ("delivery/test_sent_again.py::test_cursor_of_a_removed_file_is_forgotten",),
    ),
    Mutation(
        "messages that are delivered are dropped, too",
        "delivery/aside/operator_requests.py",
        "offset, count = cursor(directory, target, priority), 0",
        "offset, count = 0, 0",
        ("delivery/test_sent_again.py::test_only_messages_behind_the_cursor_are_dropped",),
    ),
    Mutation(
        "a notification that stands twice in log files is sent twice",
        "cli/repair/replay.py",
        "elif not distinct.add(timestamp, message.message_id):",
        "elif not distinct:",
        ("cli/test_replay.py::test_only_what_is_asked_for_is_sent_and_the_rest_is_counted",),
    ),
    Mutation(
        "root writes into the journal of Glance's user",
        "cli/repair/replay.py",
        "with as_owner(sending.directory):  # the files may be for root alone to read",
        'with as_owner(Path("/")):',
        ("cli/test_replay.py::test_root_reads_files_that_the_owner_of_the_journal_cannot_read",),
    ),
)
