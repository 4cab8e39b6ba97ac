"""Commands that read notifications from files: the log_file of all nodes, with its rotations.

`log_lines` reads them, `times` has --since and --until, and `file_arguments` is what these commands
have in common. They stream: no command keeps a file in memory.
"""
