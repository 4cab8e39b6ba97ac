"""Mistakes in the webhook strategy."""

from tests.mutations.mutation import Mutation

_ROOM = "strategies/webhook"
_PEER = "strategies/test_webhook_peer.py"
_REQUESTS = "strategies/test_webhook_requests.py"
_ANSWERS = "strategies/test_webhook_answers.py"

MUTATIONS = (
    Mutation(
        "a redirect counts as a failure that passes",
        f"{_ROOM}/answers.py",
        "{2: Verdict.CONFIRMED, 5: Verdict.AGAIN}",
        "{2: Verdict.CONFIRMED, 3: Verdict.AGAIN, 5: Verdict.AGAIN}",
        (f"{_ANSWERS}::test_status_says_what_becomes_of_the_messages",),
    ),
    Mutation(
        "Retry-After is obeyed without a bound",
        f"{_ROOM}/answers.py",
        "min(max(seconds, 0.0), LONGEST_RETRY_AFTER)",
        "max(seconds, 0.0)",
        (f"{_ANSWERS}::test_retry_after_is_seconds_or_a_date_and_an_hour_at_most",),
    ),
    Mutation(
        "delivery does not obey Retry-After",
        "delivery/connection.py",
        "max(self._back_off.after(self._failures), error.retry_after)",
        "self._back_off.after(self._failures)",
        ("delivery/test_connection.py::test_broker_that_wants_to_be_left_alone_is",),
    ),
    Mutation(
        "the id is not signed",
        f"{_ROOM}/signing.py",
        'b"%s.%d.%s" % (message_id.encode(), timestamp, body)',
        'b"%d.%s" % (timestamp, body)',
        (f"{_REQUESTS}::test_signature_of_each_secret_is_verified_by_the_reference_library",),
    ),
    Mutation(
        "only the first secret signs",
        f"{_ROOM}/signing.py",
        "for key in keys)",
        "for key in keys[:1])",
        (f"{_REQUESTS}::test_signature_of_each_secret_is_verified_by_the_reference_library",),
    ),
    Mutation(
        "an array has another id each time",
        f"{_ROOM}/requests.py",
        'str(uuid.uuid5(_BATCH, ",".join(ids)))',
        "str(uuid.uuid4())",
        (f"{_REQUESTS}::test_id_of_a_message_alone_is_its_own_and_that_of_an_array_is_stable",),
    ),
    Mutation(
        "the halves of a rejected array change places",
        f"{_ROOM}/strategy.py",
        "parts.extendleft((part[middle:], part[:middle]))",
        "parts.extendleft((part[:middle], part[middle:]))",
        (
            f"{_PEER}::test_rejected_array_is_split_until_the_messages_stand_alone_that_are_not"
            "_taken",
        ),
    ),
    Mutation(
        "a batch is sent to its end, however long that takes",
        f"{_ROOM}/strategy.py",
        "if time.monotonic() >= end and any(outcomes[:first]):",
        "if False:",
        (f"{_PEER}::test_batch_ends_after_its_time_and_the_rest_is_not_sent",),
    ),
    Mutation(
        "a batch ends before a message of it has an outcome",
        f"{_ROOM}/strategy.py",
        "time.monotonic() >= end and any(outcomes[:first])",
        "time.monotonic() >= end",
        (f"{_PEER}::test_rejected_array_is_split_to_its_end_whatever_time_that_takes",),
    ),
    Mutation(
        "a connection that the receiver has closed is a failure",
        f"{_ROOM}/strategy.py",
        "            except ConnectionError:\n                self._drop()\n",
        "            except ConnectionError:\n                raise\n",
        (f"{_PEER}::test_request_over_a_kept_connection_that_ends_just_then_is_posted_once_more",),
    ),
    Mutation(
        "an idle connection that the receiver closes is made again at once",
        f"{_ROOM}/strategy.py",
        "time.monotonic() + self.quiet_time",
        "0.0",
        (f"{_PEER}::test_idle_connection_is_not_made_again_at_once",),
    ),
    Mutation(
        "the time of the whole begins again with each phase",
        f"{_ROOM}/phases.py",
        "self.within(min(seconds, left))",
        "self.within(seconds)",
        (
            "strategies/test_webhook_phases.py"
            "::test_phase_ends_in_its_own_time_and_never_after_the_whole",
        ),
    ),
    Mutation(
        "an answer is read without end",
        f"{_ROOM}/client.py",
        "        self._left -= len(data)\n",
        "",
        (f"{_PEER}::test_body_without_end_is_read_for_64_kib_and_its_status_counts",),
    ),
    Mutation(
        "an interim answer is taken for the answer",
        f"{_ROOM}/client.py",
        "while self.status // 100 == 1 and",
        "while False and",
        (f"{_PEER}::test_interim_answer_is_passed_over_and_the_one_behind_it_counts",),
    ),
    Mutation(
        "an answer whose head breaks off counts",
        f"{_ROOM}/client.py",
        "        if self.adapter.reader.has_ended:\n            raise BrokenOffError\n",
        "",
        (f"{_PEER}::test_answer_that_is_none_is_an_error_in_time_and_the_message_is_sent_again",),
    ),
    Mutation(
        "an answer that comes before the end of a request is waited for in vain",
        f"{_ROOM}/client.py",
        "if self._stream.has_come():",
        "if False:",
        (f"{_PEER}::test_answer_before_the_end_of_a_long_body_is_read",),
    ),
    Mutation(
        "the user of a URL is in the text of the settings",
        "config/http_url.py",
        "    login: str = field(repr=False)\n",
        "    login: str\n",
        (
            "config/test_webhook_options.py"
            "::test_text_of_the_settings_holds_neither_path_nor_user_nor_password",
        ),
    ),
    Mutation(
        "the path of a URL is written into journal_dir",
        f"{_ROOM}/description.py",
        "str(webhook.url)",
        "repr(webhook.url and webhook.url.target)",
        (
            "doors/test_destinations.py::test_chosen_strategy_is_the_one_that_is_described_agreed_on"
            "_and_made",
        ),
    ),
)
