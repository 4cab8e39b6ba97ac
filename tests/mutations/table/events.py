"""Mistakes in events: from what was seen of a request to events and messages."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
    Mutation(
        "a comma in quotes separates two elements of Forwarded",
        "events/addresses.py",
        "            if not in_quotes:\n",
        "            if True:\n",
        (
            "events/test_identity.py"
            "::test_forwarded_does_not_count_what_a_proxy_quotes_from_the_client",
        ),
    ),
    Mutation(
        "texts of any length go into the cache of addresses",
        "events/addresses.py",
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
        "an id of any length is kept",
        "events/matching.py",
        "if len(path_info) > LONGEST_ID:",
        "if False:",
        (
            "wsgi/test_intents.py"
            "::test_texts_that_a_client_chooses_are_short_in_intents_and_notifications",
        ),
    ),
    Mutation(
        "an answer with locations is stored as it is",
        "events/deferred.py",
        """and b'url"' not in answer""",
        "and True",
        ("journal/test_recorder.py::test_answer_is_stored_as_it_is_unless_it_holds_a_location",),
    ),
    Mutation(
        "a download is taken for a plain read",
        "events/matching.py",
        'and "/file" not in path_info',
        "and True",
        (
            "events/test_spellings.py"
            "::test_plain_read_is_no_operation_whatever_the_rest_of_its_environ_is",
        ),
    ),
    Mutation(
        "a number beyond a double blocks the lane of a target with projects",
        "events/images.py",
        "        return json.loads(body)\n",
        "        raise\n",
        ("events/test_selection.py::test_number_of_any_length_is_read",),
    ),
    Mutation(
        "a method in the query is not obeyed",
        "events/matching.py",
        'and "_method" not in environ.get("QUERY_STRING", "")',
        "and True",
        (
            "events/test_spellings.py"
            "::test_plain_read_is_no_operation_whatever_the_rest_of_its_environ_is",
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
        "a task that existed before the operation is taken for its own task",
        "events/tasks.py",
        "(task for task in tasks if task.id not in earlier)",
        "(task for task in tasks)",
        (
            "wsgi/test_following_superseded.py"
            "::test_failed_task_with_the_same_request_id_says_nothing_of_a_later_import",
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
        "a service that a client makes up is believed where no authtoken stands",
        "events/identity.py",
        "        or _VALIDATED_TOKENS not in environ\n",
        "",
        (
            "events/test_identity.py"
            "::test_service_counts_where_keystonemiddleware_has_validated_its_token",
        ),
    ),
    Mutation(
        "a notification that version 2 of the journal holds has its facts in other places",
        "events/deferred.py",
        "Requester(project_id, user_id, request_id)",
        "Requester(*facts)",
        ("events/test_deferred.py::test_notification_that_version_2_of_the_journal_holds_is_read",),
    ),
    Mutation(
        "the words of an explanation make an outcome unknown",
        "events/failure.py",
        "(?>(?: .*?)?: )",
        "(?: .*?)?: ",
        (
            "events/test_reading.py"
            "::test_text_with_the_words_of_an_unknown_outcome_elsewhere_is_none",
        ),
    ),
    Mutation(
        "a user agent keeps its control characters",
        "events/companions.py",
        "printable(text)[:LONGEST_USER_AGENT]",
        "text[:LONGEST_USER_AGENT]",
        ("events/test_companions.py::test_user_agent_has_printable_characters_alone",),
    ),
    Mutation(
        "a target gets notifications of every project",
        "events/selection.py",
        "return not self.projects or any(",
        "return True or any(",
        (
            "events/test_selection.py"
            "::test_projects_are_owner_receiver_and_member_or_for_the_owner_the_one_that_asked",
        ),
    ),
)
