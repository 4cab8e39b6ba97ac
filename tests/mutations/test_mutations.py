"""The tests see mistakes: each mistake of the table, made in a copy of the code, fails a test."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import pytest

from tests.mutations.copied_code import PACKAGE, ROOT, CopiedCode, on_copies
from tests.mutations.mutation import Mutation
from tests.mutations.table import MUTATIONS

TESTS_FAILED = 1  # pytest's exit status; another one says that the tests could not be run


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.what)
def test_mistake_can_be_made(mutation: Mutation) -> None:
    assert (ROOT / PACKAGE / mutation.file).read_text().count(mutation.old) == 1
    assert mutation.old != mutation.new


def test_every_mistake_is_seen(tmp_path: Path) -> None:
    def fault(copy: CopiedCode, mutation: Mutation) -> str:
        """What and the output of the tests, if they do not see the mistake; else an empty text."""
        status, output = copy.run_with(mutation)
        return "" if status == TESTS_FAILED else f"{mutation.what}: {status}\n{output}"

    unseen = on_copies(tmp_path, fault, MUTATIONS)
    assert not unseen, "\n".join(unseen)


def test_same_tests_pass_without_a_mistake(tmp_path: Path) -> None:
    def fault(copy: CopiedCode, tests: Sequence[str]) -> str:
        status, output = copy.run(tests)
        return output if status else ""

    tests = sorted({test for mutation in MUTATIONS for test in mutation.tests})
    of_folders = [list(found) for _, found in groupby(tests, lambda test: test.split("/")[0])]
    failed = on_copies(tmp_path, fault, of_folders)
    assert not failed, "\n".join(failed)
