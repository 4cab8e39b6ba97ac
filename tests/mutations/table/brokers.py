"""Mistakes in what looks at brokers: the inspections, send-test and listen."""

from tests.mutations.mutation import Mutation

_REACHING = "strategies/test_reaching.py"

MUTATIONS = (
    Mutation(
        "hosts are looked at one after another",
        "strategies/reaching.py",
        "        thread.start()\n    end =",
        "        thread.start()\n        thread.join()\n    end =",
        (f"{_REACHING}::test_all_hosts_are_looked_at_at_the_same_time",),
    ),
    Mutation(
        "an inspection waits for a host without end",
        "strategies/reaching.py",
        "thread.join(max(end - time.monotonic(), 0))",
        "thread.join()",
        (f"{_REACHING}::test_host_that_is_not_done_in_time_is_a_finding",),
    ),
    Mutation(
        "a port that speaks TLS is taken for no broker",
        "strategies/reaching.py",
        "if not self.tls and self.speaks_tls():",
        "if False:",
        (f"{_REACHING}::test_tls_where_none_is_configured_is_found[rabbit]",),
    ),
    Mutation(
        "a certificate that ends soon is no finding",
        "strategies/certificate.py",
        "if days < _SOON:",
        "if days < 0:",
        (f"{_REACHING}::test_all_that_is_wrong_with_a_certificate_is_found",),
    ),
    Mutation(
        "of a certificate with several mistakes the first alone is found",
        "strategies/certificate.py",
        "if wrong_chain is not None and",
        "if wrong_name is None and wrong_chain is not None and",
        (f"{_REACHING}::test_all_that_is_wrong_with_a_certificate_is_found",),
    ),
    Mutation(
        "a clock that is behind is no finding",
        "strategies/rabbit/inspection.py",
        "if abs(apart) > _MOST_APART:",
        "if apart > _MOST_APART:",
        (f"{_REACHING}::test_clock_of_the_brokers_host_is_compared",),
    ),
    Mutation(
        "send-test shows the text of any error",
        "cli/target/send_test.py",
        'f"it raises {type(error).__name__}"',
        'f"it raises {error}"',
        ("cli/test_send_test.py::test_text_of_an_unexpected_error_of_a_strategy_is_not_shown",),
    ),
    Mutation(
        "send-test of root makes a log_file that Glance cannot write",
        "cli/target/send_test.py",
        "if os.geteuid() == 0 and not path.exists():",
        "if False:",
        ("cli/test_send_test.py::test_root_makes_no_log_file",),
    ),
    Mutation(
        "send-test shows a line that the target does not have",
        "cli/target/send_test.py",
        "return worst.mend",
        "return findings[0].mend",
        ("cli/test_send_test.py::test_line_that_mends_is_that_of_the_target_as_check_shows_it",),
    ),
    Mutation(
        "a name of a property controls the terminal of listen",
        "cli/target/received.py",
        'return escaped_text("  ".join(filter(None, (*head, what, who))))',
        'return "  ".join(filter(None, (*head, what, who)))',
        ("cli/test_received.py::test_line_cannot_control_a_terminal",),
    ),
    Mutation(
        "--type image.se shows image.send",
        "cli/type_argument.py",
        'f"{event_type}.".startswith(f"{group}.")',
        "event_type.startswith(group)",
        ("cli/test_received.py::test_filters_choose",),
    ),
    Mutation(
        "the end of a log_file that logrotate has moved is not shown",
        "cli/target/followed_file.py",
        "if was_moved and not data:",
        "if was_moved:",
        ("cli/test_followed_file.py::test_end_of_a_moved_file_comes_before_the_new_file",),
    ),
)
