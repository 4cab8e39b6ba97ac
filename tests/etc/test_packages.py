"""The source distribution is whole, and the wheel has the code and etc/."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = "glance_notify_middleware"
LEFT_OUT = {".gitignore"}
"""Files of the repository that no distributor needs."""
MADE = {"PKG-INFO", "setup.cfg"}
"""Files that setuptools writes into a source distribution."""


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints; it must end well."""
    ended = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def tracked() -> set[str]:
    """The files of the repository."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone: there is nothing to compare a source distribution with")
    listed = run("git", "ls-files", cwd=ROOT).splitlines()
    return {name for name in listed if (ROOT / name).exists()}


@pytest.fixture(scope="module")
def unpacked(tracked: set[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source distribution, made of the files of the repository alone, and unpacked."""
    clean = tmp_path_factory.mktemp("repository")
    for name in tracked:
        (clean / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, clean / name)
    run(sys.executable, "setup.py", "--quiet", "sdist", cwd=clean)
    (archive,) = clean.glob("dist/*.tar.gz")
    (clean / "unpacked").mkdir()
    # Python 3.11.2 of Debian 12 has no filters of tarfile, without which newer versions warn.
    run("tar", "--extract", "--gzip", f"--file={archive}", cwd=clean / "unpacked")
    (found,) = (clean / "unpacked").iterdir()
    return found


def test_source_distribution_is_whole(unpacked: Path, tracked: set[str]) -> None:
    found = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    made = {name for name in found if name in MADE or name.startswith(f"{PACKAGE}.egg-info/")}
    assert found - made == tracked - LEFT_OUT


def test_files_of_the_source_distribution_are_those_of_the_repository(
    unpacked: Path, tracked: set[str]
) -> None:
    for name in tracked - LEFT_OUT:
        assert (unpacked / name).read_bytes() == (ROOT / name).read_bytes(), name
        is_program = os.access(ROOT / name, os.X_OK)
        assert os.access(unpacked / name, os.X_OK) == is_program, name


def test_wheel_has_the_code_and_etc(unpacked: Path, tracked: set[str], tmp_path: Path) -> None:
    """It is built as pip builds it, from the source distribution."""
    options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--wheel-dir")
    run(sys.executable, "-m", "pip", "wheel", *options, tmp_path, unpacked, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    metadata = {name for name in names if ".dist-info/" in name}
    shared = {name.partition(".data/data/")[2] for name in names if ".data/data/" in name}
    code = {name for name in names if name not in metadata and ".data/" not in name}
    assert code == {name for name in tracked if name.startswith(f"{PACKAGE}/")}
    assert shared == {
        name.replace("etc/", "share/glance-notify/") for name in tracked if name.startswith("etc/")
    }
