"""The state of a node, as its files show it to every process, also when Glance is stopped.

`state` is the state, and `reader` reads it: `backlog` reads what is pending for a target,
`kept_files` keeps files with locks open. `state_file` is what the leader alone knows, and writes.
"""
