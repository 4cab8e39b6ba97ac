"""Small mistakes that somebody could make in this code, and the tests that see each of them."""

from typing import NamedTuple


class Mutation(NamedTuple):
    """`old`, which stands once in `file`, becomes `new`; then one of `tests` fails."""

    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTATIONS = (
    Mutation(
        "every sent message counts as done, whatever its outcome is",
        "delivery/dispatcher.py",
        "return outcome is Outcome.TAKEN",
        "return outcome is not None",
        (
            "delivery/test_dispatcher.py::test_cursor_stops_before_the_first_message_that_is_not_done",
        ),
    ),
    Mutation(
        "each try of a message has another id",
        "delivery/connection.py",
        "message._replace(body=",
        "message._replace(message_id=str(time.monotonic_ns()), body=",
        ("delivery/test_dispatcher.py::test_repeated_message_is_the_same",),
    ),
    Mutation(
        "a rejected message is a dead letter at the first try",
        "delivery/dead_letters.py",
        "TRIES = 3\n",
        "TRIES = 1\n",
        (
            "delivery/test_rejected_messages.py::test_rejected_message_is_a_dead_letter_after_three_tries_and_holds_up_no_other",
        ),
    ),
    Mutation(
        "a comma in quotes parts two elements of Forwarded",
        "events/identity.py",
        "            if not in_quotes:\n",
        "            if True:\n",
        (
            "events/test_identity.py"
            "::test_forwarded_does_not_count_what_a_proxy_quotes_from_the_client",
        ),
    ),
    Mutation(
        "texts of any length go into the cache of addresses",
        "events/identity.py",
        "return _short_hop(text) if len(text) <= _LONGEST_HOP else None",
        "return _short_hop(text)",
        (
            "events/test_identity.py"
            "::test_long_header_hides_no_address_and_leaves_nothing_in_memory",
        ),
    ),
    Mutation(
        "a request id that is shortened counts as another node's",
        "events/identity.py",
        "request_id != before.request_id and bounded(request_id) != before.request_id",
        "request_id != before.request_id",
        ("events/test_identity.py::test_long_ids_of_a_requester_are_bounded_and_hide_no_request",),
    ),
    Mutation(
        "the log file holds control characters as they are",
        "recorder/logging_strategy.py",
        "escaped_json(notification.to_json())",
        "notification.to_json()",
        ("recorder/test_logging_strategy.py::test_control_character_of_an_image_name_is_escaped",),
    ),
    Mutation(
        "text that a client chose is logged without escapes",
        "runtime/own_log.py",
        'logger.log(level, "%s", "\\n".join(map(escaped_text, lines)))',
        'logger.log(level, "%s", "\\n".join(lines))',
        ("wsgi/test_error_containment.py::test_log_escapes_what_a_client_chose",),
    ),
    Mutation(
        "an id of any length is kept",
        "events/operations.py",
        "if len(path_info) > LONGEST_ID:",
        "if False:",
        (
            "wsgi/test_intents.py"
            "::test_texts_that_a_client_chooses_are_short_in_intents_and_notifications",
        ),
    ),
    Mutation(
        "a patch is searched, and not read as Glance reads it",
        "events/rules.py",
        'return "locations" in patch.changed_fields(body_start)',
        "return False",
        (
            "wsgi/test_operation_events.py"
            "::test_operation_emits_its_events_within_its_budget_of_look_ups",
        ),
    ),
    Mutation(
        "a look-up leaves its context in Glance's log",
        "wsgi/lookup.py",
        "            log_context.restore(before)\n",
        "            pass\n",
        ("wsgi/test_lookup.py::test_look_up_restores_the_threads_log_context",),
    ),
    Mutation(
        "only the beginning of a patch is kept",
        "wsgi/plan.py",
        "Action.PATCH: JSON_KEPT",
        "Action.PATCH: DATA_KEPT",
        (
            "wsgi/test_operation_events.py"
            "::test_operation_emits_its_events_within_its_budget_of_look_ups",
        ),
    ),
    Mutation(
        "a patch that is too long to be kept names no locations",
        "wsgi/observation.py",
        "seen.is_cut or rules.may_change_locations(seen.head)",
        "rules.may_change_locations(seen.head)",
        (
            "wsgi/test_operation_events.py"
            "::test_operation_emits_its_events_within_its_budget_of_look_ups",
        ),
    ),
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
        "lost = 0 if expected is None else max(entry.number - expected, 0)",
        "lost = 0",
        ("journal/test_reader.py::test_damaged_entry_is_counted_with_the_next_good_one",),
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
        "if zlib.crc32(data[at : at + _FIELDS.size], checksum(body)) != expected:",
        "if False:",
        ("journal/test_entries.py::test_torn_entry_does_not_hide_the_next_one",),
    ),
    Mutation(
        "locks are those of flock, which a forked child has too",
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
        "            segment.append(self._encoded(kind, body, count, crc))\n",
        "            self.number += count\n"
        "            segment.append(self._encoded(kind, body, count, crc))\n"
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
        "a dead process is settled before it is read to its end",
        "delivery/dead_processes.py",
        "                chain.at_end = False\n",
        "",
        (
            "delivery/test_settling.py"
            "::test_last_entries_of_a_process_are_read_before_it_is_settled",
        ),
    ),
    Mutation(
        "segments are removed when they are read, before they are delivered",
        "delivery/settling.py",
        "subscription.cursors.at_last_save.get(identity) for subscription in self._subscriptions",
        "subscription.reader.chains[identity].position for subscription in self._subscriptions",
        (
            "delivery/test_settling.py"
            "::test_delivered_segments_of_a_living_process_go_except_the_last_one",
        ),
    ),
    Mutation(
        "segments are removed when one strategy of two has been sent them",
        "delivery/settling.py",
        "passed = min(0 if place is None",
        "passed = max(0 if place is None",
        (
            "delivery/test_settling_several_strategies.py"
            "::test_segment_goes_when_the_last_strategy_has_been_sent_it",
        ),
    ),
    Mutation(
        "a dead process is settled before all strategies have begun to read its journal",
        "delivery/settling.py",
        "if segments and len(chains) < len(self._subscriptions):",
        "if segments and not chains:",
        (
            "delivery/test_settling_several_strategies.py"
            "::test_dead_process_is_settled_once_when_all_strategies_have_been_sent_its_messages",
        ),
    ),
    Mutation(
        "an added strategy begins with the oldest entry",
        "delivery/cursors.py",
        "found[identity] = Position(numbers[-1], size, None)",
        "found[identity] = Position(numbers[0], 0, None)",
        (
            "delivery/test_several_strategies.py::test_added_strategy_is_sent_what_is_recorded_from_then_on",
        ),
    ),
    Mutation(
        "an added strategy is not sent what is recorded while its cursors are looked for",
        "delivery/cursors.py",
        "    ends = _ends(directory)\n    content = checksummed.load(path)\n",
        "    content = checksummed.load(path)\n    ends = _ends(directory)\n",
        (
            "delivery/test_cursors.py"
            "::test_added_strategy_is_sent_what_is_recorded_while_the_file_is_read",
        ),
    ),
    Mutation(
        "a strategy that is added begins at the lead, not at the load",
        "journal/destinations.py",
        "            before_change()\n",
        "",
        (
            "doors/test_destinations.py::test_added_strategy_begins_with_what_is_recorded_after_its_load",
        ),
    ),
    Mutation(
        "messages of a strategy that broke are not read again",
        "delivery/subscription.py",
        "        self.reader = Reader(self._directory, self.cursors.positions)\n"
        "        self.window = Window",
        "        self.window = Window",
        (
            "delivery/test_relay_faults.py"
            "::test_messages_of_a_strategy_that_broke_are_sent_by_the_next_one",
        ),
    ),
    Mutation(
        "some of very many unknown outcomes are not recorded",
        "delivery/settling.py",
        "range(0, len(unknown), _PER_ENTRY)",
        "range(0, len(unknown), _PER_ENTRY + 1)",
        (
            "delivery/test_settling_bounds.py"
            "::test_unknown_outcomes_of_very_many_operations_are_reported_once_each",
        ),
    ),
    Mutation(
        "a lane holds the lock while it waits for its broker",
        "delivery/lane.py",
        "        outcomes = connection.send(batch.messages)\n",
        "            outcomes = connection.send(batch.messages)\n",
        ("delivery/test_several_strategies.py::test_silent_broker_holds_up_no_other_strategy",),
    ),
    Mutation(
        "refused messages are sent all the time",
        "delivery/dispatcher.py",
        "not in self._aside and pending.message.priority not in held",
        "not in self._aside",
        ("delivery/test_priorities.py::test_refused_priority_holds_up_no_other_priority",),
    ),
    Mutation(
        "refused messages fill the window",
        "delivery/dispatcher.py",
        "if self._window.room < WINDOW // 2:",
        "if False:",
        (
            "delivery/test_priorities.py::test_refused_messages_that_would_fill_the_window_are_set_aside_and_tried_soon",
        ),
    ),
    Mutation(
        "set-aside messages that were taken before their turn are sent again",
        "delivery/set_aside.py",
        "Pending(message, message.message_id in self._done)",
        "Pending(message)",
        ("delivery/test_set_aside.py::test_set_aside_messages_that_were_taken_are_not_sent_again",),
    ),
    Mutation(
        "a strategy does not connect before the first message",
        "delivery/connection.py",
        "if self._connecting and is_idle and",
        "if not self._connecting and is_idle and",
        ("delivery/test_connection.py::test_idle_connection_connects_and_logs_it_once",),
    ),
    Mutation(
        "no message is a probe",
        "strategies/connected.py",
        "return list(probed) or waiting[:1]",
        "return waiting",
        (
            "strategies/test_probing.py"
            "::test_first_message_of_a_priority_goes_alone_at_each_connection",
        ),
    ),
    Mutation(
        "a connection that ends over every probe counts as a refusal of each priority",
        "strategies/connected.py",
        "if self._suspects and not self._has_gone_on:",
        "if False:",
        ("strategies/test_probing.py::test_connection_that_ends_over_every_probe_is_an_error",),
    ),
    Mutation(
        "a priority is probed once, not at each connection",
        "strategies/connected.py",
        "        connection, self._connection = self._connection, None\n"
        "        self._probed.clear()\n"
        "        with contextlib",
        "        connection, self._connection = self._connection, None\n        with contextlib",
        (
            "strategies/test_probing.py"
            "::test_first_message_of_a_priority_goes_alone_at_each_connection",
        ),
    ),
    Mutation(
        "queues are created by default",
        "strategies/rabbit/topology.py",
        'self.creates = settings.create_queues == "auto"',
        'self.creates = settings.create_queues != "never"',
        (
            "strategies/test_rabbit_topology.py"
            "::test_default_of_create_queues_declares_nothing_and_messages_wait",
        ),
    ),
    Mutation(
        "data that a gone peer does not acknowledge is given up after a quarter of an hour",
        "strategies/rabbit/connection.py",
        "{socket.TCP_USER_TIMEOUT: 20000, socket.TCP_MAXSEG: 0}",
        "{socket.TCP_USER_TIMEOUT: 0, socket.TCP_MAXSEG: 0}",
        ("strategies/test_rabbit_node.py::test_unacknowledged_data_is_given_up_after_20_seconds",),
    ),
    Mutation(
        "filters that share a journal_dir may send to different virtual hosts",
        "strategies/rabbit/description.py",
        '            "rabbit_virtual_host": rabbit.virtual_host,\n',
        "",
        ("doors/test_one_journal_dir.py::test_option_is_compared_or_decides_nothing_for_others",),
    ),
    Mutation(
        "the filters of one process are not compared",
        "delivery/assembly.py",
        "if of_filter.get(name) != before.get(name):",
        "if False:",
        (
            "doors/test_one_journal_dir.py"
            "::test_filters_of_one_process_agree_on_the_options_of_their_journal",
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
        "a missing relay is not reported",
        "delivery/maintenance_thread.py",
        "            each_second()\n",
        "",
        (
            "delivery/test_leader_watch.py::test_process_that_records_reports_a_missing_relay_without_a_request",
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
        "what one recorder cannot record is not given to the next recorder",
        "recorder/__init__.py",
        "                reasons.append(str(error))\n",
        "                raise\n",
        (
            "recorder/test_several.py"
            "::test_notification_that_one_recorder_loses_is_named_and_the_other_recorder_has_all",
        ),
    ),
    Mutation(
        "a relay takes the lock of its own process's journal",
        "delivery/dead_processes.py",
        "known = {*self._locks, *self._left_alone, own_identity}",
        "known = {*self._locks, *self._left_alone}",
        ("delivery/test_settling.py::test_lock_of_the_leaders_own_process_is_not_taken",),
    ),
    Mutation(
        "a crash counts a dead process twice",
        "delivery/settling.py",
        "        if identity in added:\n",
        "        if False:\n",
        (
            "delivery/test_settling.py"
            "::test_counters_are_added_once_though_the_leader_crashes_before_the_files_are_gone",
        ),
    ),
    Mutation(
        "set-aside messages are read with the newest first",
        "delivery/aside.py",
        "                found += [",
        "                found[:0] = [",
        ("delivery/test_aside_files.py::test_messages_are_read_in_order_and_the_first_one_alone",),
    ),
    Mutation(
        "a message without room aside is passed by the next one",
        "delivery/aside.py",
        "                return False\n            write_whole(fd, data,",
        "                return True\n            write_whole(fd, data,",
        ("delivery/test_aside_files.py::test_full_file_takes_no_more_messages_and_keeps_its_own",),
    ),
    Mutation(
        "every ack is taken for that of the oldest message",
        "strategies/rabbit/confirms.py",
        "if multiple else [tag]",
        "if multiple else list(self._waiting)[:1]",
        ("strategies/test_rabbit_confirms.py::test_ack_is_for_its_own_message_alone",),
    ),
    Mutation(
        "tags go on from those of the last channel",
        "strategies/rabbit/confirms.py",
        "        self._last_tag = 0\n",
        "        self._last_tag = 1\n",
        ("strategies/test_rabbit_confirms.py::test_tags_begin_at_1_with_a_new_channel",),
    ),
    Mutation(
        "a message that was never sent has used up a tag",
        "strategies/rabbit/confirms.py",
        "                outcomes[index] = Outcome.REJECTED\n",
        "                outcomes[index] = Outcome.REJECTED\n                self._last_tag += 1\n",
        (
            "strategies/test_rabbit_confirms.py"
            "::test_message_that_amqp_cannot_express_is_rejected_and_has_no_tag",
        ),
    ),
    Mutation(
        "a confirmed message makes no room for as many bytes",
        "strategies/rabbit/confirms.py",
        "            self._waiting_bytes -= sum(sent.size for sent in resolved)\n",
        "",
        (
            "strategies/test_rabbit_confirms.py"
            "::test_confirmed_message_makes_room_for_as_many_bytes",
        ),
    ),
    Mutation(
        "messages are not mandatory",
        "strategies/rabbit/confirms.py",
        "mandatory=True",
        "mandatory=False",
        ("strategies/test_rabbit_confirms.py::test_acks_may_come_in_any_order",),
    ),
    Mutation(
        "messages are not persistent",
        "strategies/rabbit/confirms.py",
        '"delivery_mode": 2,',
        '"delivery_mode": 1,',
        (
            "strategies/test_rabbit_confirms.py"
            "::test_message_has_the_properties_that_consumers_and_the_broker_need",
        ),
    ),
    Mutation(
        "a returned message counts as taken when its ack comes",
        "strategies/rabbit/confirms.py",
        "Outcome.UNROUTABLE if returned else Outcome.TAKEN",
        "Outcome.TAKEN",
        (
            "strategies/test_rabbit_confirms.py"
            "::test_returned_message_is_unroutable_when_it_is_acked",
        ),
    ),
    Mutation(
        "a modified message counts as taken",
        "strategies/qpid/sender.py",
        "if delivery.remote.undeliverable else Outcome.REFUSED",
        "if delivery.remote.undeliverable else Outcome.TAKEN",
        ("strategies/test_qpid_peer.py::test_message_is_taken_only_when_it_is_accepted",),
    ),
    Mutation(
        "every byte of a peer renews its deadline",
        "strategies/qpid/engine.py",
        "            kind, delivery = event.type",
        "            self._deadline.renew()\n            kind, delivery = event.type",
        (
            "strategies/test_qpid_peer.py"
            "::test_connection_that_ends_early_is_an_error_with_the_known_outcomes",
        ),
    ),
    Mutation(
        "a peer that never stops sending is read without end",
        "strategies/qpid/engine.py",
        "        self._deadline.left()\n        has_read",
        "        has_read",
        (
            "strategies/test_qpid_peer.py"
            "::test_peer_that_never_stops_sending_is_read_until_the_deadline",
        ),
    ),
    Mutation(
        "the end of a session is not noticed",
        "strategies/qpid/engine.py",
        '    proton.Event.SESSION_REMOTE_CLOSE: "session",\n',
        "",
        (
            "strategies/test_qpid_peer.py"
            "::test_connection_that_ends_early_is_an_error_with_the_known_outcomes",
        ),
    ),
    Mutation(
        "the connection is kept after an error",
        "strategies/connected.py",
        "        self._drop()\n        self._host_number += 1",
        "        self._host_number += 1",
        (
            "strategies/test_qpid_peer.py"
            "::test_connection_that_ends_early_is_an_error_with_the_known_outcomes",
        ),
    ),
    Mutation(
        "no heartbeat is sent while there is nothing to send",
        "strategies/qpid/engine.py",
        "self._transport.tick(time.monotonic())",
        "0.0",
        (
            "strategies/test_qpid_peer.py"
            "::test_keep_alive_sends_heartbeats_and_notices_a_silent_broker",
        ),
    ),
    Mutation(
        "a new segment has no copies of what is open",
        "journal/segment_writer.py",
        "*(self._encoded(kind, body) for kind, body in self.intents.copies()),",
        'self._encoded(Kind.MARK, b""),',
        (
            "journal/test_intents.py"
            "::test_next_segment_has_copies_of_the_open_intents_so_that_older_ones_can_go",
        ),
    ),
    Mutation(
        "copies count without the mark behind them",
        "journal/open_intents.py",
        "if found.is_complete:",
        "if True:",
        ("journal/test_intents.py::test_segment_without_its_mark_does_not_hold_all_open_intents",),
    ),
    Mutation(
        "an intent that has ended behind a lost mark is open",
        "journal/open_intents.py",
        "        self._before.pop(key, None)\n",
        "",
        ("journal/test_open_intents.py::test_intent_that_ended_after_its_copy_is_not_open",),
    ),
    Mutation(
        "a buffer of WebOb above the filter is read past the count",
        "wsgi/request_input.py",
        'environ["webob._body_file"] = (_counted(buffer, tally), counted)',
        'environ["webob._body_file"] = (buffer, counted)',
        (
            "wsgi/test_transparency.py"
            "::test_webob_filter_above_can_read_the_rest_after_the_application",
        ),
    ),
    Mutation(
        "events do not end their intent",
        "journal/entries.py",
        "parts = [ends or NO_INTENT]",
        "parts = [NO_INTENT]",
        ("journal/test_intents.py::test_intent_is_open_until_one_entry_ends_it_with_its_events",),
    ),
    Mutation(
        "files are removed though their open intents could not be reported",
        "delivery/settling.py",
        "and self._record_unknown_outcomes(identity, segments):",
        "and (self._record_unknown_outcomes(identity, segments) or True):",
        (
            "journal/test_intents.py::test_files_of_a_dead_process_stay_until_its_unknown_outcomes_are_recorded",
        ),
    ),
    Mutation(
        "no intent is recorded before the application is called",
        "wsgi/middleware.py",
        "        observation.begin()\n        return ApplicationCall(",
        "        return ApplicationCall(",
        (
            "wsgi/test_intents.py"
            "::test_intent_begins_before_the_application_is_called_and_ends_with_the_last_events",
        ),
    ),
    Mutation(
        "a line that PasteDeploy keeps from the filter is ignored",
        "config/settings.py",
        "if option.name in shared and option.name not in own:",
        "if False:",
        (
            "doors/test_factory.py"
            "::test_line_that_paste_keeps_from_the_filter_is_an_error_that_names_it",
        ),
    ),
    Mutation(
        "an indented line is taken for a part of the value above it",
        "config/kinds.py",
        'if "\\n" in text:',
        "if False:",
        (
            "config/test_settings.py"
            "::test_indented_line_is_refused_and_not_taken_for_a_part_of_the_value_above",
        ),
    ),
    Mutation(
        "a temporary file is removed while it is being made",
        "journal/layout.py",
        "time.time() - path.lstat().st_mtime > _STALE",
        "True",
        ("journal/test_foreign.py::test_stale_temporary_file_is_removed_and_no_other",),
    ),
    Mutation(
        "aside files may fill the journal",
        "delivery/assembly.py",
        "_ASIDE_PART = 4 ",
        "_ASIDE_PART = 1 ",
        ("delivery/test_assembly.py::test_aside_files_take_a_quarter_of_the_bound_at_most",),
    ),
    Mutation(
        "aside files take a quarter of the bound for each priority",
        "delivery/aside.py",
        "if self._size() + len(data)",
        "if os.fstat(fd).st_size + len(data)",
        ("delivery/test_assembly.py::test_aside_files_take_a_quarter_of_the_bound_at_most",),
    ),
    Mutation(
        "a segment that was begun while the lock was taken is overlooked",
        "delivery/settling.py",
        "        self._dead.find(self._listed(), own_identity())\n"
        "        # Listed again: before its lock was taken, a process may have begun another "
        "segment.\n"
        "        listed = self._listed()\n",
        "        listed = self._listed()\n        self._dead.find(listed, own_identity())\n",
        (
            "delivery/test_settling.py"
            "::test_intent_that_ended_in_a_segment_begun_last_has_no_unknown_outcome",
        ),
    ),
    Mutation(
        "aside files are not synced",
        "delivery/dispatcher.py",
        "            self._aside.sync()\n",
        "",
        (
            "delivery/test_power_cut.py::test_messages_set_aside_are_on_the_disk_before_the_cursor_passes_them",
        ),
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
        "dead letters are not synced",
        "delivery/dead_letters.py",
        "        self._unsynced.add(path)\n",
        "",
        (
            "delivery/test_power_cut.py::test_dead_letter_is_on_the_disk_before_the_cursor_passes_it",
        ),
    ),
    Mutation(
        "the aside cursor passes a message before its dead letter is on the disk",
        "delivery/dispatcher.py",
        "            is_synced = self._sync()\n"
        "            worked = self._set_aside.advance(batch, is_synced=is_synced)\n",
        "            worked = self._set_aside.advance(batch, is_synced=True)\n"
        "            is_synced = self._sync()\n",
        (
            "delivery/test_power_cut.py::"
            "test_dead_letter_of_a_set_aside_message_is_on_the_disk_before_the_aside_cursor_passes_it",
        ),
    ),
    Mutation(
        "unknown outcomes are not synced before the segments with their intents are removed",
        "delivery/hosting.py",
        "            self().sync()",
        "            self()",
        (
            "delivery/test_power_cut.py::test_unknown_outcomes_are_on_the_disk_before_the_segments_go",
        ),
    ),
    Mutation(
        "copies of open intents are not synced before the first segments are removed",
        "delivery/settling.py",
        "sync(layout.segment_path(self._directory, identity, following))",
        "pass",
        (
            "delivery/test_power_cut.py"
            "::test_copy_of_an_open_intent_is_on_the_disk_before_the_first_segment_goes",
        ),
    ),
    Mutation(
        "a power cut has an added strategy begin later",
        "delivery/cursors.py",
        "checksummed.replace(path, content | new, durable=True)",
        "checksummed.replace(path, content | new)",
        (
            "delivery/test_power_cut.py"
            "::test_cursor_of_an_added_strategy_is_on_the_disk_before_anything_is_recorded",
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
        "time.clock_gettime_ns(time.CLOCK_BOOTTIME) - self._clock_offset",
        "time.clock_gettime_ns(time.CLOCK_BOOTTIME)",
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
        "links are followed",
        "journal/files.py",
        "flags | os.O_NOFOLLOW | ",
        "flags | ",
        ("journal/test_foreign.py::test_foreign_file_is_not_opened_and_not_waited_for",),
    ),
    Mutation(
        "another user's file is one of the journal's",
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
        "processes that cannot be settled keep their locks",
        "delivery/dead_processes.py",
        "        self._missing_since.pop(identity, None)\n        self.release(identity)\n",
        "        self._missing_since.pop(identity, None)\n",
        (
            "delivery/test_settling.py"
            "::test_journals_of_a_newer_version_do_not_hold_up_other_journals",
        ),
    ),
    Mutation(
        "everybody may read the log file",
        "recorder/logging_strategy.py",
        "os.open(path, flags, 0o640)",
        "os.open(path, flags, 0o644)",
        ("doors/test_factory.py::test_log_file_is_made_and_written",),
    ),
    Mutation(
        "the relay keeps the groups of root",
        "cli.py",
        "    os.setgroups(_groups_of(owner.st_uid))\n",
        "",
        ("doors/test_cli.py::test_relay_of_root_has_the_groups_of_the_owner_and_none_of_root",),
    ),
    Mutation(
        "the relay has none of its user's groups",
        "cli.py",
        "return os.getgrouplist(found.pw_name, found.pw_gid)",
        "return []",
        ("doors/test_cli.py::test_relay_of_root_has_the_groups_of_the_owner_and_none_of_root",),
    ),
    Mutation(
        "qpid waits with the selector that eventlet removes",
        "strategies/qpid/stream.py",
        'getattr(selectors, "PollSelector", selectors.SelectSelector)()',
        "selectors.PollSelector()",
        (
            "strategies/test_filter_process.py"
            "::test_process_with_qpid_delivers_is_never_blocked_and_ends[plain-eventlet]",
        ),
    ),
    Mutation(
        "Proton ends before the threads that use it",
        "strategies/qpid/engine.py",
        "        atexit.unregister(forget)\n",
        "        pass\n",
        (
            "strategies/test_filter_process.py"
            "::test_process_with_qpid_delivers_is_never_blocked_and_ends[plain-threads]",
        ),
    ),
    Mutation(
        "a task that was there before is taken for the operation's own",
        "events/tasks.py",
        "(task for task in tasks if task.id not in earlier)",
        "(task for task in tasks)",
        (
            "wsgi/test_following_superseded.py"
            "::test_failed_task_with_the_same_request_id_says_nothing_of_a_later_import",
        ),
    ),
    Mutation(
        "an earlier import counts as failed though the look-up before the later one failed",
        "wsgi/outcome.py",
        "elif later.work.before is not None and not earlier.work.is_copy:",
        "elif not earlier.work.is_copy:",
        (
            "wsgi/test_following_superseded.py"
            "::test_earlier_import_is_not_guessed_failed_where_the_later_imports_look_up_failed",
        ),
    ),
    Mutation(
        "a request changes an image before its followed import is looked up",
        "wsgi/request_records.py",
        "follower.look_before_change(followed)",
        "pass",
        (
            "wsgi/test_following_changes.py"
            "::test_request_that_changes_an_image_first_sees_how_its_import_has_ended",
        ),
    ),
    Mutation(
        "an image that is gone is of unknown outcome, whatever its delete has seen",
        "wsgi/outcome.py",
        "self.judge_seen(followed)  # by what a request saw before it was gone",
        "pass",
        (
            "wsgi/test_following_changes.py"
            "::test_look_up_of_an_image_that_is_gone_is_judged_by_what_the_delete_saw",
        ),
    ),
    Mutation(
        "more work than follow_max waits for a thread that hangs",
        "wsgi/following.py",
        "has_room = len(self._open) < self._maximum",
        "has_room = True",
        (
            "wsgi/test_following_thread.py"
            "::test_hanging_thread_is_left_no_more_work_than_follow_max",
        ),
    ),
    Mutation(
        "the client records that wait for a thread that hangs are not bounded",
        "wsgi/followed_work.py",
        "if self._size - freed + size > self._max_size:",
        "if False:",
        (
            "wsgi/test_following_client_records.py"
            "::test_hanging_thread_is_left_client_records_of_bounded_size",
        ),
    ),
    Mutation(
        "a task's image is the one that the client names",
        "events/tasks.py",
        """image_id = result.get("image_id") if isinstance(result, Mapping) else None""",
        """image_id = task.get("image_id")""",
        ("events/test_tasks.py::test_created_image_is_that_of_the_result",),
    ),
    Mutation(
        "the intent of a task does not name it",
        "wsgi/observation.py",
        "self._intent = emitter.begin(self._operation, requester, None)",
        "self._intent = emitter.begin(self._operation._replace(task_id=None), requester, None)",
        ("wsgi/test_tasks.py::test_open_intent_names_the_task",),
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
        "a live file stays whose segment could not be made",
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
        "a process taken for dead records again its newest segment alone",
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
        "a lasting trouble is logged each second, as its text changes",
        "delivery/maintenance_thread.py",
        'trouble = type(error), getattr(error, "errno", None)',
        "trouble = type(error), id(error)",
        ("delivery/test_assembly.py::test_lasting_trouble_is_logged_once_though_its_text_changes",),
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
)
