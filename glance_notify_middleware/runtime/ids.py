"""UUIDs for messages, without a system call for each."""

import os
import random

_BITS = 128
_VERSION_4 = 0x4000_8000 << 48
_RANDOM = ~(0xF000_C000 << 48)


class Ids:
    """Makes UUIDs of version 4 (RFC 9562, section 5.4), from a generator seeded by the system.

    The UUIDs have to differ, and are no secret: knowing one gives no access to anything. They do
    not come from os.urandom, as those of uuid.uuid4 do: it releases the GIL, and beside a busy
    thread it takes milliseconds to get the GIL back.
    """

    def __init__(self) -> None:
        self._pid = -1
        self._random = random.Random()  # noqa: S311

    def text(self) -> str:
        """A new UUID, as text."""
        text = self.key().hex()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def key(self) -> bytes:
        """A new UUID, as 16 bytes. A forked child seeds a generator of its own, so that it gets
        other UUIDs than its parent."""
        if self._pid != os.getpid():
            self._random = random.Random()  # noqa: S311
            self._pid = os.getpid()
        return (self._random.getrandbits(_BITS) & _RANDOM | _VERSION_4).to_bytes(_BITS // 8)
