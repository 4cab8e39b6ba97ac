"""UUIDs for messages, without a system call for each."""

import os
import random

_BITS = 128
_VERSION_4 = 0x4000_8000 << 48
_OTHERS = ~(0xF000_C000 << 48)


class Ids:
    """UUIDs of version 4 (RFC 9562, section 5.4), from a generator that the system has seeded.

    They have to differ, and nothing else: nobody is let in for knowing one. os.urandom, which
    uuid.uuid4 reads, lets the GIL go, and to get it back beside a busy thread takes milliseconds.
    """

    def __init__(self) -> None:
        self._pid = -1
        self._random = random.Random()  # noqa: S311

    def text(self) -> str:
        """A new one, as text."""
        text = f"{self._next():032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def key(self) -> bytes:
        """A new one, as 16 bytes."""
        return self._next().to_bytes(_BITS // 8)

    def _next(self) -> int:
        """A forked child is given others than its parent."""
        if self._pid != os.getpid():
            self._random = random.Random()  # noqa: S311
            self._pid = os.getpid()
        return self._random.getrandbits(_BITS) & _OTHERS | _VERSION_4
