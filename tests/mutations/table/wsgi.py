"""Mistakes in wsgi: requests, responses, look-ups and background work."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
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
        "wsgi/seen_operation.py",
        "if not seen.is_cut and not rules.may_change_locations(seen.head):",
        "if not rules.may_change_locations(seen.head):",
        (
            "wsgi/test_operation_events.py"
            "::test_operation_emits_its_events_within_its_budget_of_look_ups",
        ),
    ),
    Mutation(
        "owner and size of a download are looked up before the client has its first byte",
        "wsgi/response_body.py",
        """                yield chunk
                self.bytes_sent = sent = len(chunk)
                self._on_first_chunk()
""",
        """                self._on_first_chunk()
                yield chunk
                self.bytes_sent = sent = len(chunk)
""",
        ("wsgi/test_look_up_budget.py::test_first_chunk_of_a_download_waits_for_no_look_up",),
    ),
    Mutation(
        "an owner is remembered that was looked up before the image was changed",
        "wsgi/lookup.py",
        "if self._latest_change is not latest_change:",
        "if False:",
        (
            "wsgi/test_look_up_budget.py"
            "::test_owner_of_a_look_up_during_which_the_image_was_changed_is_not_remembered",
        ),
    ),
    Mutation(
        "an owner is remembered over a change whose events nobody wants",
        "wsgi/middleware.py",
        "            self._services.lookup.forget_owner(operation)\n",
        "",
        (
            "wsgi/test_look_up_budget.py"
            "::test_owner_is_forgotten_with_a_change_whether_or_not_its_events_are_wanted",
        ),
    ),
    Mutation(
        "each read of an upload is looked at, to its end",
        "wsgi/request_input.py",
        "            self._on_read = None\n",
        "            pass\n",
        (
            "wsgi/test_transparency.py::test_reads_are_looked_at_until_enough_is_seen",
            "wsgi/test_transparency.py"
            "::test_read_of_an_upload_costs_one_frame_once_image_prepare_is_emitted",
        ),
    ),
    Mutation(
        "a body that was read behind its kept start is taken for a whole one",
        "wsgi/request_input.py",
        "self._on_read is not None or not self.is_cut",
        "self._on_read is not None or len(self.head) < self._kept",
        ("wsgi/test_transparency.py::test_body_is_cut_once_more_was_read_than_is_kept",),
    ),
    Mutation(
        "reads through a buffer that WebOb has made above the filter are not seen",
        "wsgi/request_input.py",
        'environ["webob._body_file"] = (_watched(buffer, tally), watched)',
        'environ["webob._body_file"] = (buffer, watched)',
        (
            "wsgi/test_transparency.py"
            "::test_webob_filter_above_can_read_the_rest_after_the_application",
        ),
    ),
    Mutation(
        "a patch that may have made the image active is only an update",
        "wsgi/observation.py",
        "if self._made_records is not None and self._made_records.before is not None:",
        "if False:",
        (
            "wsgi/test_operation_events.py"
            "::test_operation_emits_its_events_within_its_budget_of_look_ups",
        ),
    ),
    Mutation(
        "a patch that changes nothing is an update",
        "wsgi/observation.py",
        "if seen is not None and rules.is_empty_patch(seen.head):",
        "if False:",
        (
            "wsgi/test_operation_events.py"
            "::test_operation_emits_its_events_within_its_budget_of_look_ups",
        ),
    ),
    Mutation(
        "no intent is recorded before the application is called",
        "wsgi/middleware.py",
        "        call.begin()\n",
        "",
        (
            "wsgi/test_intents.py"
            "::test_intent_begins_before_the_application_is_called_and_ends_with_the_last_events",
        ),
    ),
    Mutation(
        "an earlier import counts as failed although the look-up before the later import failed",
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
        "the import of a deleted image has an unknown outcome, whatever was seen before the delete",
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
        "the intent of a task does not name it",
        "wsgi/observation.py",
        "self._intent = emitter.begin(self._operation, requester, None)",
        "self._intent = emitter.begin(self._operation._replace(task_id=None), requester, None)",
        ("wsgi/test_tasks.py::test_open_intent_names_the_task",),
    ),
)
