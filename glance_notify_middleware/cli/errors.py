"""The errors of a command."""


class UsageError(Exception):
    """An argument is wrong. The text is one line without a secret: what is wrong, and the way out.
    The command ends with exit status 2."""


class FailedError(Exception):
    """The command could not be done. The text is one line without a secret: why, and the way out.
    The command ends with exit status 3."""
