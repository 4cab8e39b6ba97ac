"""How a thread that delivers lets requests run, whose threads share Python's lock with it."""

import time

_PAUSE = 50e-6
"""Seconds: in less, a thread that waits for the lock is not awake.

A short call that releases the lock, as a read of a cached file, takes it back before that. It even
makes the other thread wait longer: the 5 ms after which that may demand the lock begin again.
"""


def give_way() -> None:
    """Let other threads have Python's lock. Takes 0.1 ms where none wants it."""
    time.sleep(_PAUSE)
