"""A small mistake that somebody could make in the code, and the tests that see it."""

from typing import NamedTuple


class Mutation(NamedTuple):
    """`old`, which stands once in `file`, becomes `new`; then one of `tests` fails.

    `what` says what the code does with the mistake. `file` is a path below the package; a test is a
    path below tests/ with the test's name.
    """

    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
