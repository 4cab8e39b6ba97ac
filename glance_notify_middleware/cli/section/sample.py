"""glance-notify sample: the filter's section, with every option, its default and its meaning."""

import argparse
import textwrap
from collections.abc import Iterator
from dataclasses import replace

from glance_notify_middleware.cli.command import RIGHT, Command
from glance_notify_middleware.config import OPTIONS
from glance_notify_middleware.config.option import Option
from glance_notify_middleware.strategies.loading import installed_options

_HEAD = """\
[filter:notify]
paste.filter_factory = glance_notify_middleware:filter_factory"""
_WIDTH = 96  # characters
_TARGETS = """\
# A line NAME.strategy makes a word of notifier_strategy the name of a target. A line NAME.option
# sets an option for this target alone. With notifier_strategy = billing, audit these are:
# billing.strategy = rabbit
# billing.transport_url = rabbit://user:password@host:5672/virtual_host
# billing.event_types = image.send
# audit.strategy = logging
# audit.log_file = /var/log/glance/audit.log
# audit.priorities = warn, error"""
_SHOWN = {"notifier_strategy": "logging"}
"""The options that the section sets."""


class Sample(Command):
    """Print the filter's section for Glance's paste file.

    Each option is explained. All but notifier_strategy are commented out, with their defaults.
    """

    example = "sample >> /etc/glance/glance-api-paste.ini"

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Print it."""
        self.print(section())
        return RIGHT


def section() -> str:
    """The section, from the table of options, without a line end at its end."""
    first, *others = ("\n".join(_paragraph(option)) for option in OPTIONS)
    return "\n\n".join([f"{_HEAD}\n{first}", *others, _TARGETS, *_of_installed_strategies()])


def _of_installed_strategies() -> Iterator[str]:
    """The options that installed strategies declare."""
    for strategy, options in sorted(installed_options().items()):
        for option in options:
            help = f"({strategy}) {option.help}"
            yield "\n".join(_paragraph(replace(option, name=f"NAME.{option.name}", help=help)))


def _paragraph(option: Option) -> Iterator[str]:
    yield from textwrap.wrap(
        option.help,
        _WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_on_hyphens=False,
        break_long_words=False,
    )
    value = _SHOWN.get(option.name)
    if value is None:
        yield f"#{option.name} = {option.default}".rstrip()
    else:
        yield f"{option.name} = {value}"
