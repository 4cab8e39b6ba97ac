"""Opens files for reading, gzip or not, and gives out their lines, many at a time."""

import contextlib
import gzip
import sys
from collections.abc import Iterator
from io import BufferedIOBase
from typing import Any

from glance_notify_middleware.events.notification import LONGEST_JSON

STANDARD_INPUT = "-"
"""The name of standard input among the files."""

_BLOCK = 256 * 1024
_LONGEST_LINE = 2 * LONGEST_JSON  # escapes make the JSON longer, a log format has its prefix

_GZIP = b"\x1f"  # no line of a log begins so
_COMPRESSED = {b"\xfd7zXZ": "xzcat", b"BZh": "bzcat", b"\x28\xb5\x2f\xfd": "zstdcat"}
"""How files begin that are compressed otherwise -> the command that reads them."""


class UnreadableFileError(Exception):
    """A file cannot be read as it is. The text names the way out."""


@contextlib.contextmanager
def opened(name: str) -> Iterator[BufferedIOBase]:
    """The file, or standard input, without its compression. Raises OSError, UnreadableFileError."""
    with contextlib.ExitStack() as stack:
        if name == STANDARD_INPUT:
            file: Any = sys.stdin.buffer
        else:
            file = stack.enter_context(open(name, "rb"))
        begin = file.peek(8)
        for magic, command in _COMPRESSED.items():
            if begin.startswith(magic):
                raise UnreadableFileError(
                    f"expected text or gzip; say `{command} FILE |` before, and -"
                )
        if begin.startswith(_GZIP):
            file = stack.enter_context(gzip.GzipFile(fileobj=file))
        yield file


def lines_of(file: BufferedIOBase) -> Iterator[list[bytes]]:
    """The lines of a file, without their ends, many at a time.

    Of a line that is too long the first _LONGEST_LINE bytes are given out, about. Raises what
    reading the file raises, behind the lines before.
    """
    rest = b""
    while block := file.read1(_BLOCK):
        if len(rest) > _LONGEST_LINE:
            _, end, block = block.partition(b"\n")
            if not end:
                continue
            yield [rest]
            rest = b""
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        yield lines
    if rest:
        yield [rest]
