"""Mistakes in cli/audit: questions to log files."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
    Mutation(
        "a repeat is counted as often as it is read",
        "cli/audit/distinct.py",
        "            return False\n",
        "            return True\n",
        ("cli/test_usage.py::test_repeat_is_counted_once_wherever_it_stands",),
    ),
    Mutation(
        "the ids of an hour are forgotten when it is closed",
        "cli/audit/distinct.py",
        'self._closed[oldest] = array("q", ids)',
        'self._closed[oldest] = array("q")',
        ("cli/test_usage.py::test_ids_of_many_hours_are_distinct_in_any_order",),
    ),
    Mutation(
        "a whole line behind a torn one is lost",
        "cli/audit/log_lines.py",
        "if last > start >= 0:",
        "if False:",
        ("cli/test_log_lines.py::test_line_behind_a_torn_one_without_a_line_end_between_is_read",),
    ),
    Mutation(
        "the first moment behind a period belongs to it",
        "cli/audit/log_lines.py",
        '<= line.fields["timestamp"] < until',
        '<= line.fields["timestamp"] <= until',
        ("cli/test_log_lines.py::test_period_begins_with_since_and_ends_before_until",),
    ),
    Mutation(
        "a name in the page of usage is markup",
        "cli/audit/charts.py",
        '<span class="name">{escape(name)}</span>',
        '<span class="name">{name}</span>',
        ("cli/test_usage_page.py::test_name_in_a_notification_is_shown_and_never_markup",),
    ),
    Mutation(
        "the text of a refused operation names an image that its explanation names",
        "cli/audit/who.py",
        "return tried in _TRIED",
        "return tried != payload",
        ("cli/test_who.py::test_refused_operation_is_about_the_image_that_its_text_names",),
    ),
)
