"""Mistakes in the command glance-notify."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
    Mutation(
        "the relay keeps the groups of root",
        "cli/journal_owner.py",
        "    os.setgroups(_groups_of(owner.st_uid))\n",
        "",
        ("doors/test_cli.py::test_relay_of_root_has_the_groups_of_the_owner_and_none_of_root",),
    ),
    Mutation(
        "the relay has none of the groups of its user",
        "cli/journal_owner.py",
        "return os.getgrouplist(found.pw_name, found.pw_gid)",
        "return []",
        ("doors/test_cli.py::test_relay_of_root_has_the_groups_of_the_owner_and_none_of_root",),
    ),
)
