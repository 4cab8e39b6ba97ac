"""Mistakes in the command glance-notify check."""

from tests.mutations.mutation import Mutation

_WRONG = "cli/test_check.py::test_wrong_set_up_is_found_and_its_mend_mends_it"

MUTATIONS = (
    Mutation(
        "a line that the parser refuses hides what comes after it",
        "cli/check/ini_file.py",
        "                line = self._add(section, text, number)\n",
        "                line = self._add(section, text, number)\n"
        "                if line is None:\n                    return\n",
        ("cli/test_check.py::test_one_finding_hides_no_other",),
    ),
    Mutation(
        "files are seen with the eyes of root",
        "cli/check/user.py",
        "        os.setuid(user.uid)\n",
        "",
        (f"{_WRONG}[journal_dir belongs to root]",),
    ),
    Mutation(
        "files are seen without the groups of Glance's user",
        "cli/check/user.py",
        "        os.setgroups(user.groups)\n        os.setgid(user.gid)\n",
        "        os.setgroups([])\n",
        (f"{_WRONG}[Glance's user may not read the password file]",),
    ),
    Mutation(
        "the name of a line that is no option is shown",
        "cli/check/lines.py",
        "if close and line.section == self._section.name:",
        "if line.section == self._section.name:\n                close = close or [name]",
        (f"{_WRONG}[a password stands where a name belongs]",),
    ),
    Mutation(
        "a value that wants a line of its own is shown",
        "cli/check/ini_file.py",
        'what = "is none; expected [section], or option = value"',
        'what = f"is none: {text}"',
        (f"{_WRONG}[a line is none]",),
    ),
    Mutation(
        "the filter is mended to a place behind the cache",
        "cli/check/place.py",
        "(behind[-1:] or before[:1] or [len(words) - 1])[0]",
        "(before[:1] or [len(words) - 1])[0] + 1",
        (f"{_WRONG}[the filter is behind the cache]",),
    ),
    Mutation(
        "an inspection that hangs is waited for",
        "cli/check/targets.py",
        "found.get(timeout=max(deadline - time.monotonic(), 0))",
        "found.get(timeout=30)",
        (
            "cli/test_check.py"
            "::test_inspections_are_waited_for_together_and_no_longer_than_their_time",
        ),
    ),
    Mutation(
        "Glance's own notifier at another broker counts as the same",
        "cli/check/own_notifier.py",
        "return same_host and virtual_host == there.virtual_host",
        "return True",
        ("cli/test_check.py::test_own_notifier_that_sends_elsewhere_is_no_finding",),
    ),
    Mutation(
        "the mend of a value with a comment is the default",
        "cli/check/lines.py",
        "if before != text and _is_right(option, before):",
        "if False:",
        ("cli/test_check.py::test_mend_keeps_the_value_before_a_comment",),
    ),
    Mutation(
        "of the files of glance.conf.d the first one holds",
        "cli/glance_conf.py",
        'sorted(path.with_name(_DIRECTORY).glob("*.conf"))',
        'sorted(path.with_name(_DIRECTORY).glob("*.conf"), reverse=True)',
        ("cli/test_check.py::test_files_of_glance_conf_d_are_read_behind_glance_api_conf",),
    ),
    Mutation(
        "a finding about a file of a target names no line of the target",
        "cli/check/files.py",
        "target_mends.named(str(error), target)",
        "str(error)",
        (f"{_WRONG}[a target's file of certificates has none]",),
    ),
    Mutation(
        "a port that stands in a list of hosts is mended by a line that the list hides",
        "cli/target_mends.py",
        'if effective == f"{prefix}_hosts":',
        "if False:",
        ("cli/test_target_mends.py::test_address_is_mended_in_the_line_that_says_it",),
    ),
    Mutation(
        "what mends a missing URL is to take the target's strategy out",
        "cli/check/lines.py",
        "if option.name in NEEDED.values() and second not in own:",
        "if False:",
        (f"{_WRONG}[a receiver has no URL]",),
    ),
)
