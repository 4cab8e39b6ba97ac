"""Mistakes in runtime: processes, threads and the filter's own log."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
    Mutation(
        "text that a client chose is logged without escapes",
        "runtime/own_log.py",
        'logger.log(level, "%s", "\\n".join(map(escaped_text, lines)))',
        'logger.log(level, "%s", "\\n".join(lines))',
        ("wsgi/test_error_containment.py::test_log_escapes_what_a_client_chose",),
    ),
)
