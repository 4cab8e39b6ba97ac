"""The command glance-notify, for operators and auditors.

`app` has the table of commands and the exit statuses. Each command has a module of its own, which
parses arguments, calls another room, and prints. `command` is what they have in common: one-line
errors, exit statuses, output formats. `paste_file` finds the filter's section as Glance does, and
`journal_owner` becomes the user that may read and write the journal. The room is built on cliff.

The commands stand in rooms: section (what the filter is configured to do), check (what is wrong
with that), target (a target is asked directly), node (what this node does), repair (what did not
go is sent again, or dropped), audit (what log files say). `relay` delivers.
"""

from glance_notify_middleware.cli.app import main

__all__ = ["main"]
