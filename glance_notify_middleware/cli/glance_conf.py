"""glance-api.conf, as far as it concerns the filter."""

from pathlib import Path


class GlanceConf:
    """The lines of glance-api.conf, read as oslo.config reads them."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self._values: dict[tuple[str, str], list[str]] = {}
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

    def all(self, section: str, name: str) -> list[str]:
        """The values of an option that may stand several times."""
        return self._values.get((section, name), [])

    def last(self, section: str, name: str) -> str:
        """The value of an option; empty where it is not set."""
        return ["", *self.all(section, name)][-1]

    @property
    def paste_file(self) -> Path | None:
        """`[paste_deploy] config_file`, from the directory of this file on; None: not set."""
        name = self.last("paste_deploy", "config_file")
        return self.path.parent / name if name else None

    @property
    def flavor(self) -> str:
        """`[paste_deploy] flavor`; `default` where it is not set."""
        return self.last("paste_deploy", "flavor") or "default"
