"""Commands that ask a target directly, past the journal: `send-test` and `listen`.

`received` is a notification as `listen` shows it, and `followed_file` the log_file that it follows.
"""
