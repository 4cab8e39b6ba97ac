"""The error of a command that was given a wrong argument."""


class UsageError(Exception):
    """An argument is wrong. The text is one line without a secret: what is wrong, and the way out.
    The command ends with exit status 2."""
