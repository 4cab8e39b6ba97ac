"""The command glance-notify, for operators and auditors.

`app` has the table of commands and the exit statuses. Each command has a module of its own, which
parses arguments, calls another room, and prints. `command` is what they have in common: one-line
errors, exit statuses, output formats. `paste_file` finds the filter's section as Glance does, and
`journal_owner` becomes the user that may read and write the journal. The room is built on cliff.
"""

from glance_notify_middleware.cli.app import main

__all__ = ["main"]
