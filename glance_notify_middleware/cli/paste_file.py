"""Finds Glance's paste file and the filter's section in it, as Glance and PasteDeploy do."""

import configparser
import re
import socket
from collections.abc import Sequence
from pathlib import Path

from paste.deploy import loadwsgi

from glance_notify_middleware import config
from glance_notify_middleware.cli.errors import UsageError
from glance_notify_middleware.cli.glance_conf import GlanceConf
from glance_notify_middleware.config import OptionError, Settings

CONF = Path("/etc/glance/glance-api.conf")
"""Where Glance's configuration is by default."""

_NAME = "glance-api-paste.ini"
_DISTRIBUTION = Path("/usr/share/glance/glance-api-dist-paste.ini")

USUAL = "notify"
"""The name that the documents give the section."""

THIS_PACKAGE = re.compile(r"glance[_-]notify[_-]middleware\b")
"""What stands in a section's paste.filter_factory, or in its `use = egg:...`."""


def find(given: str | None, conf: str | None) -> Path:
    """The path of the paste file: `given`, or the one that Glance uses with `conf`.

    Glance 33 (glance/common/config.py, `_get_deployment_config_file`): `[paste_deploy] config_file`
    of glance-api.conf; else glance-api-paste.ini beside it. Raises UsageError.
    """
    if given is not None:
        return _existing(Path(given).absolute(), "the paste file of Glance")
    path = CONF if conf is None else _existing(Path(conf).absolute(), "glance-api.conf")
    named = _conf(path).paste_file
    if named is not None:
        return _existing(named, f"the file that [paste_deploy] config_file of {path} names")
    places = (path.with_name(_NAME), _DISTRIBUTION)
    found = next((each for each in places if each.is_file()), None)
    if found is None:
        where = " or ".join(map(str, places))
        raise UsageError(f"there is no paste file at {where}; name it, or name --conf")
    return found


def _existing(path: Path, what: str) -> Path:
    if not path.is_file():
        raise UsageError(f"{path} is no file; expected {what}")
    return path


def _conf(path: Path) -> GlanceConf:
    """The glance-api.conf; one without lines where it cannot be read."""
    try:
        return GlanceConf.read(path)
    except OSError:
        return GlanceConf(path)


def conf_of(paste: Path, given: str | None) -> GlanceConf | None:
    """The `given` glance-api.conf, or the one beside the paste file, or the one in /etc/glance.

    The last one only if it leads to this paste file. None: it is not known. Raises UsageError for
    a `given` one that cannot be read.
    """
    if given is not None:
        try:
            return GlanceConf.read(Path(given).absolute())
        except OSError as error:
            raise UsageError(f"--conf: {error.filename}: {error.strerror}") from error
    places = [paste.with_name(CONF.name)]
    try:
        if find(None, None) == paste:
            places.append(CONF)
    except UsageError:
        pass  # there is no paste file in /etc/glance
    for path in places:
        try:
            return GlanceConf.read(path)
        except OSError:
            continue
    return None


def settings_of(path: Path, name: str | None) -> Settings:
    """The settings of the section [filter:`name`] of a paste file, as the filter has them.

    Without a `name` the section is found by its factory. Raises UsageError where the section is
    missing, OptionError where it cannot be read.
    """
    global_conf, local_conf = lines_of(path, name)
    return config.read_section(global_conf, local_conf, socket.gethostname())


def lines_of(path: Path, name: str | None) -> tuple[dict[str, str], dict[str, str]]:
    """The lines that PasteDeploy keeps from the filter, and those that it gives to the filter.

    Raises UsageError where the section is missing, OptionError where it cannot be read.
    """
    try:
        name = name_of(path, name)
        context = loadwsgi.loadcontext(loadwsgi.FILTER, f"config:{path}", name=name)
    except LookupError as error:
        raise UsageError(
            f"{path} has no section [filter:{name}]; say --filter NAME for another name"
        ) from error
    except configparser.Error as error:
        # The error's own text has the line, in which a password can stand.
        raise OptionError(f"{path} is no paste file: {_place_of(error)}") from error
    return context.global_conf, context.local_conf


def name_of(path: Path, given: str | None) -> str:
    """The name of the filter's section: `given`, or notify, or that of the one section that names
    this package. Raises UsageError, configparser.Error.

    Where none does, notify: its absence is then the error.
    """
    if given is not None:
        return given
    parser = configparser.RawConfigParser(strict=False)
    parser.read(path)
    found = [
        section.partition(":")[2]
        for section in parser.sections()
        if section.startswith("filter:") and _is_of_this_package(dict(parser.items(section)))
    ]
    if len(found) > 1 and USUAL not in found:
        raise UsageError(f"{path} has several filters of this package: {_several(found)}")
    return found[0] if len(found) == 1 else USUAL


def _is_of_this_package(lines: dict[str, str]) -> bool:
    text = f"{lines.get('paste.filter_factory', '')} {lines.get('use', '')}"
    return THIS_PACKAGE.search(text) is not None


def _several(names: Sequence[str]) -> str:
    return f"{', '.join(names)}; say --filter NAME for one of them"


def _place_of(error: configparser.Error) -> str:
    """Where in the file the error is, without what stands there."""
    if isinstance(error, configparser.InterpolationError):
        option, section = error.option, error.section
        return f"option {option} of [{section}] has a % that means nothing; expected %% for each %"
    found = getattr(error, "errors", None) or [(getattr(error, "lineno", "?"), "")]
    lines = ", ".join(str(number) for number, _ in found)
    return f"line {lines}; expected [section], or option = value, each option once"
