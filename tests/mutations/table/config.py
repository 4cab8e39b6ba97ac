"""Mistakes in config: settings and the values of options."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
    Mutation(
        "a line that PasteDeploy keeps from the filter is ignored",
        "config/settings.py",
        "if name in shared and name not in own:",
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
        "a line of another program in [DEFAULT] is taken for one of a target",
        "config/target_lines.py",
        "return is_of_target(line) and line.partition",
        "return line.partition",
        ("config/test_targets.py::test_line_of_another_program_may_have_the_name_of_a_target",),
    ),
    Mutation(
        "noop cannot be written without taking out the lines of targets",
        "config/target_lines.py",
        "for line in () if are_idle(lines, names) else own:",
        "for line in own:",
        ("config/test_targets.py::test_lines_of_targets_may_stay_with_noop",),
    ),
    Mutation(
        "a target has an option of the whole filter",
        "config/tables.py",
        "or option.scope is Scope.TARGET",
        "or option.scope is not Scope.STRATEGY",
        ("config/test_targets.py::test_option_for_the_whole_filter_is_refused_for_a_target",),
    ),
    Mutation(
        "a URL for all stands beside the hosts of a target",
        "config/target_lines.py",
        "if name not in hidden} | own",
        "} | own",
        (
            "config/test_targets.py"
            "::test_line_of_a_target_takes_the_place_of_what_says_the_same_for_all",
        ),
    ),
    Mutation(
        "the options of targets of installed strategies are shown",
        "config/settings.py",
        "field(default_factory=dict, repr=False)",
        "field(default_factory=dict)",
        (
            "config/test_targets.py"
            "::test_lines_of_a_target_of_an_installed_strategy_are_its_own_options",
        ),
    ),
)
