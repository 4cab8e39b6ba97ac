"""What counting costs: downloads of 1 GiB chunk by chunk, uploads of 256 MiB read by read."""

import statistics
from collections.abc import Mapping

from bench import page
from bench.contestants import BARE, COUNTING, EXTERNAL
from bench.stage import Stage, result_of
from bench.stand_in import CHUNK_SIZE
from bench.targets import Target

KIB, MIB = 1024, 1024**2
DOWNLOAD = 1024 * MIB
UPLOAD = 256 * MIB
CHUNK_SIZES = {"4 KiB": 4 * KIB, "64 KiB": 64 * KIB, "16 MiB": 16 * MIB}
WITH_LITTLE_PROGRESS = {"4 KiB": 4 * KIB, "64 KiB": 64 * KIB}
"""Chunks of which so many make 64 MiB that the progress, which is recorded then, counts little. Of
16 MiB it is recorded with every fourth one, so that it is most of what is measured."""

Streams = dict[str, dict[str, float]]
"""Nanoseconds for a chunk or a read: by the size of a chunk, or UPLOADED, and by contestant."""
UPLOADED = "upload"


def measure(
    stage: Stage, rounds: int, *others: str, sizes: Mapping[str, int] = CHUNK_SIZES
) -> Streams:
    """The medians of so many transfers each, of the filter and of `others`."""
    found: Streams = {}
    for text, size in sizes.items():
        names = (COUNTING, EXTERNAL, *others)
        found[text] = _medians(stage, names, rounds, size, DOWNLOAD // size, is_upload=False)
    names = (EXTERNAL, *others)
    reads = UPLOAD // CHUNK_SIZE
    found[UPLOADED] = _medians(stage, names, rounds, CHUNK_SIZE, reads, is_upload=True)
    return found


def _medians(
    stage: Stage,
    names: tuple[str, ...],
    rounds: int,
    chunk_size: int,
    chunks: int,
    *,
    is_upload: bool,
) -> dict[str, float]:
    with stage.placed() as place:
        times = result_of(
            "chunks",
            place,
            contestants=names,
            is_upload=is_upload,
            chunk_size=chunk_size,
            chunks=chunks,
            rounds=rounds,
        )
    return {name: statistics.median(each) for name, each in times.items()}


def targets(found: Streams) -> list[Target]:
    """What is wanted of them."""
    uploaded = found[UPLOADED]
    return [
        *(
            Target(
                f"download in chunks of {text}, by a bare counting generator",
                found[text][EXTERNAL] / found[text][COUNTING],
                1.2,
                why=_WHY_OF_CHUNKS,
            )
            for text in found
            if text != UPLOADED
        ),
        Target(
            *("upload, added to a read", uploaded[EXTERNAL] - uploaded[BARE], 100, "ns"),
            why="Uploads: a read costs one more call of a Python function, and a test. Without the "
            f"filter it takes {uploaded[BARE]:.0f} ns in the same run.",
        ),
    ]


_WHY_OF_CHUNKS = (
    "Chunks: an entry with the progress is written after each 64 MiB, which is with every fourth "
    "chunk of 16 MiB. Without it kill -9 would take the count of the last 5 seconds of a download, "
    "which can be gigabytes. What is left with small chunks is the test whether it is due."
)


def tables(found: Streams) -> list[str]:
    """A sentence and a table for downloads, and for uploads."""
    names = list(found[next(iter(CHUNK_SIZES))])
    downloads = [(name, *(f"{found[text][name]:,.0f}" for text in CHUNK_SIZES)) for name in names]
    uploads = [(name, f"{nanoseconds:,.0f}") for name, nanoseconds in found[UPLOADED].items()]
    return [
        "A download of 1 GiB in chunks that are in memory already, so that only the counting is "
        "measured: nanoseconds for a chunk, the median of downloads that were measured in turn. "
        "Time is taken from the first chunk to the last. The filter also records the progress "
        "after each 64 MiB, so that a kill does not take it: that is with every fourth chunk of 16 "
        "MiB, and most of what the table has for these.",
        page.table(("download", *(f"chunks of {text}" for text in CHUNK_SIZES)), downloads),
        "An upload of 256 MiB, which is read in reads of 64 KiB: nanoseconds for a read, likewise.",
        page.table(("upload", "ns for a read"), uploads),
    ]
