"""Mistakes in recorder: the seam between WSGI and delivery."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
    Mutation(
        "control characters are written into the log file as they are",
        "recorder/logging_strategy.py",
        "escaped_json(notification.to_json())",
        "notification.to_json()",
        ("recorder/test_logging_strategy.py::test_control_character_of_an_image_name_is_escaped",),
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
        "all users may read the log file",
        "recorder/logging_strategy.py",
        "os.open(path, flags, 0o640)",
        "os.open(path, flags, 0o644)",
        ("doors/test_factory.py::test_log_file_is_made_and_written",),
    ),
    Mutation(
        "an intent of which no event is selected stays open",
        "recorder/selecting.py",
        "if not chosen and ends is None:",
        "if not chosen:",
        ("recorder/test_selecting.py::test_intent_ends_though_nothing_of_it_is_selected",),
    ),
)
