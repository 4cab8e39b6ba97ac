"""glance-api.conf, as far as it concerns the filter."""

from pathlib import Path

_DIRECTORY = "glance.conf.d"
"""Where a Glance under any server finds more files (oslo.config 10.7, `find_config_dirs`: those of
the project, and those of the program, which is the server)."""


class GlanceConf:
    """The lines of glance-api.conf, and of glance.conf.d/*.conf beside it, as oslo.config reads
    them: the files in the order of their names, and what comes later holds."""

    def __init__(self, path: Path) -> None:
        """It has no lines until it is read."""
        self.path = path
        self._values: dict[tuple[str, str], list[str]] = {}
        self._places: dict[tuple[str, str], Path] = {}

    @classmethod
    def read(cls, path: Path) -> "GlanceConf":
        """The lines of all files. Raises OSError."""
        conf = cls(path)
        for each in (path, *sorted(path.with_name(_DIRECTORY).glob("*.conf"))):
            conf._add(each, each.read_text(errors="replace"))
        return conf

    def _add(self, path: Path, text: str) -> None:
        section, key = "", ("", "")
        for line in text.splitlines():
            stripped = line.strip()
            if not stripped or stripped.startswith(("#", ";")):
                continue
            if line[0].isspace() and key in self._values:
                self._values[key][-1] += f" {stripped}"
            elif stripped.startswith("["):
                section = stripped.strip("[]")
            else:
                name, _, value = stripped.partition("=")
                key = (section, name.strip())
                self._values.setdefault(key, []).append(value.strip().strip("'\""))
                self._places[key] = path

    def all(self, section: str, name: str) -> list[str]:
        """The values of an option that may stand several times."""
        return self._values.get((section, name), [])

    def last(self, section: str, name: str) -> str:
        """The value of an option; empty where it is not set."""
        return ["", *self.all(section, name)][-1]

    def place(self, section: str, name: str) -> Path:
        """The file with the last line of an option; glance-api.conf where it is not set."""
        return self._places.get((section, name), self.path)

    @property
    def paste_file(self) -> Path | None:
        """`[paste_deploy] config_file`, from the directory of this file on; None: not set."""
        name = self.last("paste_deploy", "config_file")
        return self.path.parent / name if name else None

    @property
    def flavor(self) -> str:
        """`[paste_deploy] flavor`; `default` where it is not set."""
        return self.last("paste_deploy", "flavor") or "default"
