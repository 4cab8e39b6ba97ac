"""Mistakes in journal: what is recorded until it is delivered. A table, hence its length."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
    Mutation(
        "entries of processes are merged without the bound of the clock",
        "journal/reader.py",
        "if is_current and at > pass_time and not chain.is_dead:",
        "if False:",
        (
            "journal/test_reader.py"
            "::test_entry_recorded_after_the_clock_was_taken_waits_for_the_next_pass",
        ),
    ),
    Mutation(
        "the directory is listed before the clock is taken",
        "journal/reader.py",
        "        self._pass_time = pass_time = self._now()\n"
        "        listed = self._owner_filter.apply(listing(self._directory)).segments\n",
        "        listed = self._owner_filter.apply(listing(self._directory)).segments\n"
        "        self._pass_time = pass_time = self._now()\n",
        (
            "journal/test_reader.py"
            "::test_entry_recorded_after_the_clock_was_taken_waits_for_the_next_pass",
        ),
    ),
    Mutation(
        "numbers that are missing are not counted",
        "journal/chain.py",
        "lost = first - expected if expected is not None and first > expected else 0",
        "lost = 0",
        ("journal/test_reader.py::test_damaged_entry_is_counted_with_the_next_good_one",),
    ),
    Mutation(
        "the heap of journals is left alone for longer than one journal comes first",
        "journal/reader.py",
        "before = min(pass_time, *others) if others and is_current else pass_time",
        "before = pass_time",
        ("journal/test_reader.py::test_processes_that_record_in_turn_are_read_in_their_order",),
    ),
    Mutation(
        "all of a journal is read ahead while a broker confirms",
        "journal/chain.py",
        "begun.offset - self.ahead[0][1].after.offset >= most",
        "False",
        ("journal/test_reader.py::test_entries_that_are_read_ahead_have_a_mebibyte_in_all",),
    ),
    Mutation(
        "an entry over whose messages an error comes is not read again",
        "journal/chain.py",
        "        # First: an entry over",
        "        self.position = after\n        # First: an entry over",
        ("journal/test_reader.py::test_entry_over_whose_messages_an_error_came_is_read_again",),
    ),
    Mutation(
        "the survey of a dead process does not let requests run",
        "journal/open_intents.py",
        "                give_way()\n",
        "                pass\n",
        ("journal/test_open_intents.py::test_reading_them_gives_way_once_in_64_kib",),
    ),
    Mutation(
        "reading a long journal does not let requests run",
        "journal/chain.py",
        "            give_way()\n",
        "            pass\n",
        ("delivery/test_giving_way.py::test_reading_gives_way_once_in_64_kib",),
    ),
    Mutation(
        "entries of a newer version are read like those of this version",
        "journal/chain.py",
        "if entry.version > entries.VERSION:",
        "if False:",
        (
            "journal/test_reader_others.py"
            "::test_newer_entry_ends_the_reading_of_its_journal_and_of_no_other",
        ),
    ),
    Mutation(
        "torn bytes are taken for an entry",
        "journal/entries.py",
        "if zlib.crc32(data[at : at + _FIELDS.size], crc) != expected:",
        "if False:",
        ("journal/test_entries.py::test_torn_entry_does_not_hide_the_next_one",),
    ),
    Mutation(
        "locks are those of flock(2), which a forked child inherits",
        "journal/locks.py",
        "fcntl.lockf(fd, ",
        "fcntl.flock(fd, ",
        ("journal/test_fork.py::test_process_counts_as_dead_while_a_forked_child_lives",),
    ),
    Mutation(
        "a live file has its name before it is locked",
        "journal/live_file.py",
        "        try:\n            if not try_lock(fd):",
        "        try:\n"
        "            os.link(temporary, self._path)\n"
        "            if not try_lock(fd):",
        ("journal/test_maintenance.py::test_live_file_gets_its_name_when_it_is_locked",),
    ),
    Mutation(
        "a child records in its parent's journal",
        "journal/process_journals.py",
        "    key = os.getpid(), directory\n",
        "    key = 0, directory\n",
        ("journal/test_fork.py::test_child_records_in_a_journal_of_its_own",),
    ),
    Mutation(
        "an entry that was not written uses up a number",
        "journal/segment_writer.py",
        "            segment.append(data)\n",
        "            self.number += count\n            segment.append(data)\n"
        "            self.number -= count\n",
        (
            "journal/test_disk.py"
            "::test_entry_that_cannot_be_written_is_reported_and_counted_and_hides_no_other",
        ),
    ),
    Mutation(
        "a short write is taken for a whole one",
        "journal/segment.py",
        "if written < len(data):",
        "if False:",
        (
            "journal/test_disk.py"
            "::test_entry_that_cannot_be_written_is_reported_and_counted_and_hides_no_other",
        ),
    ),
    Mutation(
        "the clock is taken outside of the lock",
        "journal/writer.py",
        "        with self._lock:\n            self._writer.append(_EVENTS,",
        "        with contextlib.nullcontext():\n            self._writer.append(_EVENTS,",
        ("journal/test_writer.py::test_clocks_of_a_segment_never_go_back",),
    ),
    Mutation(
        "a segment that was removed is not written again",
        "journal/recovery.py",
        "if segment is not None and segment.is_removed():",
        "if False:",
        (
            "journal/test_maintenance.py::test_segment_that_was_removed_is_read_whole_from_a_new_one",
        ),
    ),
    Mutation(
        "a removed segment is followed by one without its entries",
        "journal/segment_writer.py",
        "before.content() if is_removed else self._head()",
        "self._head()",
        (
            "journal/test_maintenance.py::test_segment_that_was_removed_from_a_full_journal_is_written_again",
        ),
    ),
    Mutation(
        "entries that cannot be recorded again at once are forgotten",
        "journal/maintenance.py",
        "        self._recovery.record_again()\n",
        "",
        (
            "journal/test_maintenance.py::test_entries_that_cannot_be_recorded_again_at_once_are_recorded_later",
        ),
    ),
    Mutation(
        "a file that was moved away counts as still there",
        "journal/locks.py",
        "return os.path.samestat(path.lstat(), os.fstat(fd))",
        "return os.fstat(fd).st_nlink > 0",
        (
            "journal/test_maintenance.py::"
            "test_directory_that_was_moved_away_is_made_again_with_the_open_segments",
        ),
    ),
    Mutation(
        "an entry counts as synced before the disk has it",
        "journal/writer.py",
        "            self._group_sync.wait(written)\n",
        "            pass\n",
        ("journal/test_disk.py::test_record_returns_with_sync_when_the_entry_is_on_the_disk",),
    ),
    Mutation(
        "a full segment is left before all of it is synced",
        "journal/segment_writer.py",
        "                (self.segment if is_removed else before).sync()\n",
        "                pass\n",
        (
            "journal/test_group_sync.py"
            "::test_last_entry_of_a_full_segment_is_on_the_disk_when_its_thread_returns",
        ),
    ),
    Mutation(
        "an added strategy begins when a process leads, not when the filter is loaded",
        "journal/destinations.py",
        "            before_change()\n",
        "",
        (
            "doors/test_destinations.py::test_added_strategy_begins_with_what_is_recorded_after_its_load",
        ),
    ),
    Mutation(
        "two processes that start at the same time are both the first",
        "journal/destinations.py",
        "        is_alone = try_lock(fd)\n",
        "        is_alone = True\n",
        (
            "doors/test_one_journal_dir.py"
            "::test_processes_that_start_at_the_same_time_are_not_both_the_first",
        ),
    ),
    Mutation(
        "a relay that lives on its own may send elsewhere",
        "journal/destinations.py",
        "[*paths, *directory.glob(RELAY_LOCK)]",
        "paths",
        ("journal/test_destinations.py::test_relay_in_a_process_of_its_own_counts_as_living",),
    ),
    Mutation(
        "a new segment has no copies of the open intents",
        "journal/segment_writer.py",
        "*(self._encoded(kind, body) for kind, body in self.intents.copies()),",
        'self._encoded(Kind.MARK, b""),',
        (
            "journal/test_intents.py"
            "::test_next_segment_has_copies_of_the_open_intents_so_that_older_ones_can_go",
        ),
    ),
    Mutation(
        "copies of open intents count without the mark behind them",
        "journal/open_intents.py",
        "if found.is_complete:",
        "if True:",
        ("journal/test_intents.py::test_segment_without_its_mark_does_not_hold_all_open_intents",),
    ),
    Mutation(
        "an intent that has ended counts as open where the mark before its end is lost",
        "journal/open_intents.py",
        "        self._before.pop(key, None)\n",
        "",
        ("journal/test_open_intents.py::test_intent_that_ended_after_its_copy_is_not_open",),
    ),
    Mutation(
        "a long body's checksum gives the GIL up",
        "journal/entries.py",
        "_STEP = 5000",
        "_STEP = 50000",
        ("journal/test_gil.py::test_gil_is_given_up_once_for_an_entry[events]",),
    ),
    Mutation(
        "events do not end their intent",
        "journal/entries.py",
        "parts = [ends or NO_INTENT]",
        "parts = [NO_INTENT]",
        ("journal/test_intents.py::test_intent_is_open_until_one_entry_ends_it_with_its_events",),
    ),
    Mutation(
        "a temporary file is removed while it is being made",
        "journal/layout.py",
        "time.time() - path.lstat().st_mtime > _STALE",
        "True",
        ("journal/test_foreign.py::test_stale_temporary_file_is_removed_and_no_other",),
    ),
    Mutation(
        "the name of a new aside file is not synced",
        "journal/files.py",
        "    sync_directory(path.parent)\n\n\ndef sync_directory",
        "\n\ndef sync_directory",
        (
            "delivery/test_power_cut.py::test_messages_set_aside_are_on_the_disk_before_the_cursor_passes_them",
        ),
    ),
    Mutation(
        "an entry that is too long to be read is written",
        "journal/entries.py",
        "if length > MAX_BODY:\n        raise",
        "if False:\n        raise",
        ("journal/test_entries.py::test_entry_that_is_too_long_to_be_read_is_not_made",),
    ),
    Mutation(
        "messages too long for one entry are not split",
        "journal/writer.py",
        "if len(body) > entries.MAX_BODY and len(messages) > 1:",
        "if False:",
        ("journal/test_writer.py::test_messages_too_long_for_one_entry_stand_in_several",),
    ),
    Mutation(
        "temporary files are named by pid",
        "journal/checksummed.py",
        "{secrets.token_hex(8)}",
        "{os.getpid()}",
        (
            "journal/test_checksummed.py::test_temporary_file_is_not_shared_by_processes_with_the_same_pid",
        ),
    ),
    Mutation(
        "a time namespace has a clock of its own",
        "journal/segment_writer.py",
        "self._clock_offset = clock.namespace_offset()",
        "self._clock_offset = 0",
        ("journal/test_clocks.py::test_entries_of_two_time_namespaces_are_read_in_their_order",),
    ),
    Mutation(
        "a clock that is far ahead delays its entries",
        "journal/reader.py",
        "            chain.is_astray |= self._is_astray(at)\n",
        "",
        ("journal/test_clocks.py::test_clock_that_cannot_be_compared_delays_no_entry",),
    ),
    Mutation(
        "symbolic links are followed",
        "journal/files.py",
        "flags | os.O_NOFOLLOW | ",
        "flags | ",
        ("journal/test_foreign.py::test_foreign_file_is_not_opened_and_not_waited_for",),
    ),
    Mutation(
        "a file of another user counts as a file of the journal",
        "journal/files.py",
        "stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()",
        "stat.S_ISREG(found.st_mode)",
        ("journal/test_foreign.py::test_foreign_file_is_not_opened_and_not_waited_for",),
    ),
    Mutation(
        "a foreign segment hides the entries before it",
        "journal/reader.py",
        "self._owner_filter.apply(listing(self._directory))",
        "listing(self._directory)",
        (
            "journal/test_foreign.py::"
            "test_foreign_segment_behind_those_of_a_living_process_hides_no_entry",
        ),
    ),
    Mutation(
        "a directory that other users may write is accepted",
        "journal/fitness.py",
        "stat.S_IWGRP | stat.S_IWOTH",
        "stat.S_IWGRP & stat.S_IWOTH",
        (
            "journal/test_foreign.py"
            "::test_directory_that_other_users_may_write_is_refused_with_the_chmod_line",
        ),
    ),
    Mutation(
        "delivered bytes count against the bound",
        "journal/capacity.py",
        "if used - _delivered(found, delivered_positions(self._directory)) < bound:",
        "if used < bound:",
        ("journal/test_capacity.py::test_bytes_delivered_to_every_strategy_do_not_count",),
    ),
    Mutation(
        "bytes delivered to one of several strategies do not count against the bound",
        "journal/positions.py",
        "        identity: min(\n",
        "        identity: max(\n",
        ("journal/test_capacity.py::test_bytes_delivered_to_every_strategy_do_not_count",),
    ),
    Mutation(
        "each process takes a fourth of the bound for its segment",
        "journal/capacity.py",
        "share = self._max_size // _PART // max(processes, 1)",
        "share = self._max_size // _PART",
        (
            "journal/test_capacity.py"
            "::test_newest_segments_of_all_processes_take_a_fourth_of_the_bound",
        ),
    ),
    Mutation(
        "a journal that cannot be written is not full",
        "journal/health.py",
        "            self.trouble = reason(error)\n            self.is_full = True\n",
        "            self.trouble = reason(error)\n",
        (
            "journal/test_trouble.py"
            "::test_journal_is_full_after_a_failed_write_until_maintenance_can_write",
        ),
    ),
    Mutation(
        "a live file stays although its segment could not be made",
        "journal/segment_writer.py",
        "                live.remove()\n",
        "                live.close()\n",
        (
            "journal/test_trouble.py"
            "::test_journal_that_cannot_be_opened_leaves_nothing_and_no_request_tries_it",
        ),
    ),
    Mutation(
        "a disk on which a few bytes fit counts as not full",
        "journal/maintenance.py",
        "        probe_writing(self._writer.directory)\n",
        "",
        ("journal/test_trouble.py::test_disk_on_which_a_few_bytes_fit_is_still_full",),
    ),
    Mutation(
        "a process that was taken for dead records only its newest segment again",
        "journal/recovery.py",
        "before = [*writer.sealed.take_all(), segment]",
        "before = [segment]",
        (
            "journal/test_taken_for_dead.py"
            "::test_entries_recorded_before_a_process_notices_are_recorded_again",
        ),
    ),
    Mutation(
        "a sealed segment is closed before it is certain to be read",
        "journal/segment_writer.py",
        "            self.sealed.add(before)\n",
        "            before.close()\n",
        (
            "journal/test_taken_for_dead.py"
            "::test_entries_recorded_before_a_process_notices_are_recorded_again",
        ),
    ),
    Mutation(
        "sealed segments are recorded again, delivered or not",
        "journal/sealed.py",
        "if known is None or each.number >= known.segment]",
        "if True]",
        (
            "journal/test_taken_for_dead.py"
            "::test_segments_that_are_delivered_and_removed_are_not_recorded_again",
        ),
    ),
    Mutation(
        "a removed segment that is written again is not synced",
        "journal/segment_writer.py",
        "                (self.segment if is_removed else before).sync()\n",
        "                before.sync()\n",
        (
            "delivery/test_power_cut.py::test_segment_that_was_removed_under_a_living_process_is_on_the_disk_again",
        ),
    ),
    Mutation(
        "a segment is begun before the counters are written",
        "journal/segment_writer.py",
        "            if self.live is not None and self.live.relock():\n"
        "                self.write_counters()\n",
        "            pass\n",
        ("journal/test_tally.py::test_killed_process_that_was_never_maintained_is_counted_whole",),
    ),
    Mutation(
        "a process that was taken for dead writes what another one settles by",
        "journal/segment_writer.py",
        "if self.live is not None and self.live.relock():",
        "if self.live is not None:",
        (
            "journal/test_taken_for_dead.py"
            "::test_process_that_was_taken_for_dead_writes_no_counters_at_a_turnover",
        ),
    ),
    Mutation(
        "entries are counted that the live file has counted",
        "journal/tally.py",
        "entry.number >= end and entry.count > 0",
        "entry.count > 0",
        (
            "journal/test_tally.py"
            "::test_live_file_of_an_older_version_is_completed_from_the_segment_that_it_counts_into",
        ),
    ),
    Mutation(
        "a process that died before its live file was written is not counted",
        "journal/live_file.py",
        "checksummed.loads(os.pread(fd, _LONGEST, 0)) or {}",
        "checksummed.loads(os.pread(fd, _LONGEST, 0))",
        (
            "journal/test_tally.py::test_process_that_dies_before_its_live_file_is_written_is_counted",
        ),
    ),
    Mutation(
        "each segment is followed by a request",
        "journal/maintenance.py",
        "            self._writer.turn_over_in_time()\n",
        "",
        (
            "journal/test_maintenance.py::test_segment_that_is_nearly_full_is_followed_before_a_request_has_to",
        ),
    ),
)
