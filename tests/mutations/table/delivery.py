"""Mistakes in delivery: from the journal to the strategies."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
    Mutation(
        "every sent message counts as done, whatever its outcome is",
        "delivery/dispatcher.py",
        "if outcome is Outcome.TAKEN:",
        "if outcome is not None:",
        (
            "delivery/test_dispatcher.py::test_cursor_stops_before_the_first_message_that_is_not_done",
        ),
    ),
    Mutation(
        "each try of a message has another id",
        "delivery/connection.py",
        "[self._in_format(message) for",
        "[self._in_format(message)._replace(message_id=str(time.monotonic_ns())) for",
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
        "an added strategy misses the entries that are recorded while its cursors are looked for",
        "delivery/cursors.py",
        "    ends = _ends(directory)\n    content = checksummed.load(path)\n",
        "    content = checksummed.load(path)\n    ends = _ends(directory)\n",
        (
            "delivery/test_cursors.py"
            "::test_added_strategy_is_sent_what_is_recorded_while_the_file_is_read",
        ),
    ),
    Mutation(
        "messages of a strategy that broke are not read again",
        "delivery/subscription.py",
        "        self._begin()\n        self.cursors.save(",
        "        self.window = Window(self.cursors)\n        self.cursors.save(",
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
        "a lane that reads on waits for the lock while its broker confirms",
        "delivery/lane.py",
        "lock.acquire(blocking=False)",
        "lock.acquire()",
        ("delivery/test_reading_on.py::test_reading_on_does_not_wait_for_the_lock",),
    ),
    Mutation(
        "an error of reading on reaches the strategy, which takes it for one of its broker",
        "delivery/lane.py",
        "        except Exception:\n            return False\n",
        "        except KeyError:\n            return False\n",
        ("delivery/test_reading_on.py::test_error_of_reading_on_is_left_to_the_next_batch",),
    ),
    Mutation(
        "requests do not run before a long batch is sent",
        "delivery/lane.py",
        "            give_way()\n        outcomes",
        "            pass\n        outcomes",
        (
            "delivery/test_giving_way.py"
            "::test_lane_gives_way_before_a_long_batch_is_sent_and_before_its_outcomes_are_applied",
        ),
    ),
    Mutation(
        "refused messages are sent all the time",
        "delivery/dispatcher.py",
        "if priority not in self._aside} - held\n",
        "if priority not in self._aside}\n",
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
        "Pending(each.message, done.get(_key(each)))",
        "Pending(each.message)",
        ("delivery/test_set_aside.py::test_set_aside_messages_that_were_taken_are_not_sent_again",),
    ),
    Mutation(
        "a set-aside message is done where another one of its id is",
        "delivery/set_aside.py",
        "return entry.message.message_id, entry.end",
        "return entry.message.message_id, 0",
        (
            "delivery/test_sent_again.py"
            "::test_message_that_is_sent_again_goes_though_it_is_done_at_an_earlier_place",
        ),
    ),
    Mutation(
        "the wait grows though messages are taken before each error",
        "delivery/connection.py",
        "            self._failures = 0\n        if error.needs_operator:",
        "        if error.needs_operator:",
        (
            "delivery/test_connection.py"
            "::test_messages_that_were_taken_before_an_error_begin_the_back_off_anew",
        ),
    ),
    Mutation(
        "a broker gets the record of a delete that a log needs",
        "delivery/assembly.py",
        "deletes_by_id=settings.records_deleted_images",
        "deletes_by_id=False",
        (
            "delivery/test_named_targets.py"
            "::test_delete_has_the_id_alone_though_a_log_needs_the_record",
        ),
    ),
    Mutation(
        "a strategy does not connect before the first message",
        "delivery/connection.py",
        "if self._connecting and is_idle and",
        "if not self._connecting and is_idle and",
        ("delivery/test_connection.py::test_idle_connection_connects_and_logs_it_once",),
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
        "a missing relay is not reported",
        "delivery/maintenance_thread.py",
        "            each_second()\n",
        "",
        (
            "delivery/test_leader_watch.py::test_process_that_records_reports_a_missing_relay_without_a_request",
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
        "journal/totals.py",
        "    if identity in added:\n",
        "    if False:\n",
        (
            "delivery/test_settling.py"
            "::test_counters_are_added_once_though_the_leader_crashes_before_the_files_are_gone",
        ),
    ),
    Mutation(
        "set-aside messages are read with the newest first",
        "delivery/aside/files.py",
        "                found += [",
        "                found[:0] = [",
        ("delivery/test_aside_files.py::test_messages_are_read_in_order_and_the_first_one_alone",),
    ),
    Mutation(
        "a message that has no room in the aside file is overtaken by the next message",
        "delivery/aside/files.py",
        "                return None\n            write_whole(fd, data,",
        "                return 1\n            write_whole(fd, data,",
        ("delivery/test_aside_files.py::test_full_file_takes_no_more_messages_and_keeps_its_own",),
    ),
    Mutation(
        "files are removed although their open intents could not be reported",
        "delivery/settling.py",
        "and self._record_unknown(identity, segments):",
        "and (self._record_unknown(identity, segments) or True):",
        (
            "journal/test_intents.py::test_files_of_a_dead_process_stay_until_its_unknown_outcomes_are_recorded",
        ),
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
        "delivery/aside/files.py",
        "if self._size() + len(data)",
        "if os.fstat(fd).st_size + len(data)",
        ("delivery/test_assembly.py::test_aside_files_take_a_quarter_of_the_bound_at_most",),
    ),
    Mutation(
        "a segment that was begun while the lock was taken is overlooked",
        "delivery/settling.py",
        "        self._dead.find(self._listed(), own_identity(), self._unknown_recorded)\n"
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
        "the leader keeps the locks of dead processes that it cannot settle",
        "delivery/dead_processes.py",
        "        self._missing_since.pop(identity, None)\n        self.release(identity)\n",
        "        self._missing_since.pop(identity, None)\n",
        (
            "delivery/test_settling.py"
            "::test_journals_of_a_newer_version_do_not_hold_up_other_journals",
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
        "the signs of life of a relay come from a thread of their own",
        "delivery/relay.py",
        "        self._turned = turned\n",
        "        ended = iter(lambda: self._ended.wait(0.02), True)\n"
        "        signs = threading.Thread(target=lambda: [turned(Doing.LEADING) for _ in ended])\n"
        "        signs.start()\n",
        (
            "delivery/test_relay_signs_of_life.py"
            "::test_relay_whose_survey_hangs_gives_no_sign_of_life",
        ),
    ),
    Mutation(
        "a message that is set aside counts as delivered at once",
        "delivery/set_aside.py",
        "pending.done, pending.aside_end = Done.ASIDE, end",
        "pending.done, pending.aside_end = Done.TAKEN, end",
        ("delivery/test_target_counts.py::test_message_that_is_set_aside_counts_when_it_is_sent",),
    ),
    Mutation(
        "what a dead leader has set aside and not passed counts twice",
        "delivery/aside/files.py",
        "                    one_file.mark_repeated(fd, begin)\n",
        "                    pass\n",
        ("delivery/test_target_counts.py::test_message_that_is_set_aside_twice_counts_once",),
    ),
    Mutation(
        "a message counts when it is sent from the aside file, though the journal has it still",
        "delivery/aside/counts.py",
        "waiting.popleft().done = done",
        "self._cursors.counts.count(done)",
        (
            "delivery/test_target_counts.py"
            "::test_message_that_was_sent_from_the_aside_file_first_counts_once_over_a_crash",
        ),
    ),
    Mutation(
        "what is recorded again counts again",
        "delivery/window.py",
        "elif not pending.is_repeat:",
        "else:",
        (
            "delivery/test_target_counts.py"
            "::test_message_that_is_recorded_again_is_sent_and_not_counted_again",
        ),
    ),
    Mutation(
        "a message that is set aside and still in the journal is pending twice",
        "delivery/node/backlog.py",
        "None if passed is None else passed.get(priority, 0)",
        "None if passed is None else passed.get(priority)",
        (
            "delivery/test_node_reader.py"
            "::test_message_that_is_set_aside_and_in_the_journal_is_pending_once",
        ),
    ),
    Mutation(
        "a process that a leader settles counts as alive",
        "delivery/node/reader.py",
        "if identity not in settled and",
        "if",
        ("delivery/test_node_reader.py::test_dead_process_that_a_leader_settles_does_not_live",),
    ),
    Mutation(
        "a process that reads its own node drops its locks",
        "delivery/node/kept_files.py",
        "        if fd is not None and locks.is_same_file(path, fd):\n            return fd\n",
        "",
        ("delivery/test_node_reader.py::test_relay_that_reads_its_own_node_keeps_its_locks",),
    ),
    Mutation(
        "the segments of a dead process go before its counters are in the totals",
        "delivery/settling.py",
        "        is_added = self._is_added(identity)\n",
        "        is_added = False\n",
        ("delivery/test_settling.py::test_counters_are_in_the_totals_before_the_segments_go",),
    ),
    Mutation(
        "the unknown outcomes of a dead process are not counted",
        "delivery/settling.py",
        'totals.get("unknown", 0) + len(unknown)',
        'totals.get("unknown", 0)',
        ("delivery/test_settling.py::test_unknown_outcomes_are_counted_once_in_the_totals",),
    ),
    Mutation(
        "what is lost at the end of a journal is not counted",
        "delivery/subscription.py",
        "self.cursors.counts.lost[DAMAGED] += lost",
        "pass",
        (
            "delivery/test_settling.py"
            "::test_loss_at_the_end_of_a_journal_counts_once_for_each_target",
        ),
    ),
    Mutation(
        "what is not for a target is not counted",
        "delivery/window.py",
        "counts.skipped += step.skipped",
        "pass",
        ("delivery/test_named_targets.py::test_each_target_gets_exactly_what_its_lines_say",),
    ),
    Mutation(
        "a process that chooses otherwise for a target may start",
        "journal/destinations.py",
        "if name not in found and is_optional(name)]",
        "if False]",
        (
            "doors/test_one_journal_dir.py"
            "::test_filter_with_another_destination_is_an_error_that_names_the_option",
        ),
    ),
    Mutation(
        "the leader chooses what targets without lines of their own are sent",
        "delivery/assembly.py",
        "each.has_own_lines or each.settings.projects for each in found",
        "True for each in found",
        (
            "delivery/test_named_targets.py"
            "::test_targets_without_lines_of_their_own_are_sent_what_each_process_has_recorded",
        ),
    ),
    Mutation(
        "the number of the last message is not saved with the cursor",
        "delivery/cursors.py",
        '"last": dict(last),',
        '"last": {},',
        ("delivery/test_sequences.py::test_next_leader_gives_each_message_the_same_sequence",),
    ),
    Mutation(
        "what is lost is taken for what is not for the target",
        "delivery/sequences.py",
        "last = step.first - 1",
        "pass",
        ("delivery/test_sequences.py::test_what_a_segment_has_lost_is_a_gap",),
    ),
    Mutation(
        "a message that its target does not get counts as the one before",
        "journal/chain.py",
        "                if message is not None\n            ]",
        "            ]",
        ("delivery/test_sequences.py::test_message_names_the_one_before_it_that_its_target_gets",),
    ),
    Mutation(
        "a number that was passed before claims the one before it",
        "delivery/sequences.py",
        "None if step.is_repeat else last",
        "last",
        (
            "delivery/test_sequences.py::test_number_that_was_passed_before_claims_nothing_of_the_one_before_it",
        ),
    ),
    Mutation(
        "a segment that cannot be removed is sent again and again",
        "delivery/settling.py",
        "        is_added = self._is_added(identity)\n",
        "        is_added = self._is_added(identity)\n        self._forget(identity)\n",
        (
            "delivery/test_settling_in_trouble.py"
            "::test_segment_that_cannot_be_removed_is_not_sent_again",
        ),
    ),
    Mutation(
        "a process whose files fail keeps the others from being settled",
        "delivery/settling.py",
        "        except OSError as error:\n            self._report(identity, error)\n",
        "        except FileNotFoundError:\n            pass\n",
        (
            "delivery/test_settling_in_trouble.py"
            "::test_process_whose_files_fail_keeps_no_other_from_being_settled",
        ),
    ),
    Mutation(
        "a live file that fails keeps the others from being looked at",
        "delivery/dead_processes.py",
        "            except OSError as error:\n"
        "                self._report(identity, error)\n"
        "                continue\n",
        "            except FileNotFoundError:\n                continue\n",
        (
            "delivery/test_settling_in_trouble.py"
            "::test_process_whose_files_fail_keeps_no_other_from_being_settled",
        ),
    ),
    Mutation(
        "the locks of dead processes are never given up to others",
        "delivery/dead_processes.py",
        "if identity in can_wait and now - held.since >= _TURN:",
        "if False:",
        (
            "delivery/test_settling_in_trouble.py"
            "::test_unknown_outcomes_go_to_one_target_while_another_is_down_however_many_have_died",
        ),
    ),
    Mutation(
        "segments removed before a target has begun a journal are not counted as lost",
        "journal/reader.py",
        "is_whole = self._knows_all or numbers[0] == 0",
        "is_whole = numbers[0] == 0",
        (
            "delivery/test_settling_in_trouble.py"
            "::test_segment_removed_before_a_target_has_begun_the_journal_is_lost",
        ),
    ),
    Mutation(
        "a process that lives forgets that it is settled when another one is",
        "journal/totals.py",
        "done[:-_LATEST], done[-_LATEST:]",
        "done, []",
        (
            "delivery/test_settling_in_trouble.py"
            "::test_process_that_lives_and_is_settled_with_another_is_counted_once",
        ),
    ),
    Mutation(
        "what a process records after all was read is not in the totals",
        "delivery/settling.py",
        "        if self._goes_on(identity, segments):\n",
        "        if False:\n",
        (
            "delivery/test_settling_in_trouble.py"
            "::test_what_a_process_records_while_its_journal_is_tallied_is_not_lost",
        ),
    ),
)
