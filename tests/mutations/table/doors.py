"""Mistakes in the command glance-notify."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
    Mutation(
        "the relay keeps the groups of root",
        "cli/journal_owner.py",
        "    os.setgroups(numbered(owner.st_uid).groups)\n    os.setgid",
        "    os.setgid",
        ("doors/test_cli.py::test_relay_of_root_has_the_groups_of_the_owner_and_none_of_root",),
    ),
    Mutation(
        "the relay has none of the groups of its user",
        "cli/user.py",
        "    groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))\n",
        "    groups = ()\n",
        ("doors/test_cli.py::test_relay_of_root_has_the_groups_of_the_owner_and_none_of_root",),
    ),
    Mutation(
        "config shows a value that is wrong, which can be a password",
        "cli/section/config_values.py",
        "        except OptionError:\n            return MASKED\n",
        "        except OptionError:\n            return self._own[option.name]\n",
        ("cli/test_config_values.py::test_section_that_does_not_load_is_shown_with_its_error",),
    ),
    Mutation(
        "config shows the text of a line that is no option",
        "cli/section/config_values.py",
        "yield Row(escaped_text(name), MASKED,",
        "yield Row(escaped_text(name), self._own[name],",
        ("cli/test_config_values.py::test_section_that_does_not_load_is_shown_with_its_error",),
    ),
    Mutation(
        "explain takes a download that was cut short for a whole one",
        "cli/section/described.py",
        "kept = self.sent == self.size",
        "kept = True",
        ("cli/test_explain.py::test_download_cut_short_is_an_error_with_the_bytes_that_left",),
    ),
)
