"""Mistakes in config: settings and the values of options."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
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
)
