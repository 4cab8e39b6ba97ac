"""What lies in the journal's directory under which name."""

from pathlib import Path

from glance_notify_middleware.journal import layout


def test_listing_has_segments_and_live_files_and_nothing_else(tmp_path: Path) -> None:
    a, b = "0123456789abcdef", "f" * 16
    names = [f"{a}.{number}.seg" for number in (10, 9, 0)] + [f"{b}.3.seg", f"{b}.live"]
    foreign = [
        f"{a}.live.new", f"{a}.new", f"{a}.x.seg", f"{a}.1.seg.bak", f"{a}..seg", f"{a}0.1.seg",
        f"{a.upper()}.1.seg", "aside.rabbit.warn.seg", "cursors.json", "relay.lock", "lost+found",
    ]  # fmt: skip
    for name in names + foreign:
        (tmp_path / name).touch()
    found = layout.listing(tmp_path)
    assert found.segments == {a: [0, 9, 10], b: [3]}
    assert found.live_files == {b}


def test_file_sizes_are_those_of_all_files(tmp_path: Path) -> None:
    for size in (0, 10, 300):
        (tmp_path / str(size)).write_bytes(bytes(size))
    assert layout.file_sizes(tmp_path) == {"0": 0, "10": 10, "300": 300}
