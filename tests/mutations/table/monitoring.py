"""Mistakes in status, metrics and drain."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
    Mutation(
        "a target that cannot be used is a warning only",
        "cli/node/verdict.py",
        'yield Finding(Level.ERROR, "target-unusable"',
        'yield Finding(Level.WARNING, "target-unusable"',
        ("cli/test_status.py::test_status_ends_as_bad_as_what_it_has_found",),
    ),
    Mutation(
        "a drop of a week ago is an error",
        "cli/node/verdict.py",
        "return state.last_drop is None or state.time - state.last_drop < RECENT",
        "return True",
        ("cli/test_status.py::test_status_ends_as_bad_as_what_it_has_found",),
    ),
    Mutation(
        "an error is a warning to Nagios",
        "cli/node/nagios.py",
        "        return CRITICAL\n",
        "        return WARNING\n",
        ("cli/test_status.py::test_plugin_ends_as_nagios_has_it",),
    ),
    Mutation(
        "a bar in a broker's text begins performance data",
        "cli/node/nagios.py",
        '.replace("|", "/")',
        "",
        ("cli/test_status.py::test_text_of_a_broker_controls_no_terminal_and_no_plugin",),
    ),
    Mutation(
        "drain ends before unknown outcomes are recorded",
        "cli/node/drain.py",
        "empty_since is not None and now - empty_since >= _SETTLED",
        "empty_since is not None",
        ("cli/test_drain.py::test_drain_waits_for_what_comes_late",),
    ),
    Mutation(
        "drain ends well with something left",
        "cli/node/drain.py",
        "        return WARNINGS\n",
        "        return RIGHT\n",
        ("cli/test_drain.py::test_drain_says_at_the_timeout_what_is_left_and_why",),
    ),
    Mutation(
        "the file of metrics --output is the owner's alone",
        "cli/node/metrics.py",
        "mode=0o644",
        "mode=0o600",
        ("cli/test_metrics.py::test_output_is_a_file_that_everybody_may_read",),
    ),
    Mutation(
        "root stays the owner of the journal, and cannot write the file of metrics --output",
        "cli/journal_owner.py",
        "        os.seteuid(0)\n",
        "",
        (
            "cli/test_node_of_root.py::test_root_reads_the_journal_of_another_user_and_writes_as_root",
        ),
    ),
    Mutation(
        "the relay closes its own live file for its metrics, which drops the lock",
        "cli/relay.py",
        "registry(reader.read, ",
        "registry(lambda: (reader.read(), reader.close())[0], ",
        ("cli/test_node_of_root.py::test_relay_that_serves_its_metrics_keeps_its_own_locks",),
    ),
)
