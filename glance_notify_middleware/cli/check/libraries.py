"""The libraries of the brokers: whether they are there, and new enough."""

import dataclasses
import difflib
import importlib.metadata
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from glance_notify_middleware.cli.check import mends
from glance_notify_middleware.config import OptionError, Settings
from glance_notify_middleware.config.finding import Finding, Level
from glance_notify_middleware.config.general_options import BUILT_IN_STRATEGIES
from glance_notify_middleware.strategies import loading
from glance_notify_middleware.strategies.registry import BUILT_IN

_PACKAGE = "glance-notify-middleware"
_REQUIREMENT = re.compile(r"([A-Za-z0-9_.-]+)\s*>=\s*([0-9.]+)")


def findings(settings: Settings, section: tuple[str, Path]) -> Iterator[Finding]:
    """What is missing, or too old, for the targets of a section: its name and its paste file."""
    oldest = dict(_REQUIREMENT.findall("\n".join(importlib.metadata.requires(_PACKAGE) or ())))
    for target in settings.notifier_strategy:
        for package in _packages(target):
            found = _version(package)
            if found and _numbers(found) < _numbers(oldest[package]):
                what = f"{package} {found} is too old for {target}; expected {oldest[package]}"
                mend = _install(f"{package}>={oldest[package]}")
                yield Finding(Level.ERROR, "library-old", f"{what} or newer", mend)
        try:
            loading.makers(dataclasses.replace(settings, notifier_strategy=(target,)))
        except OptionError as error:
            yield _missing(target, str(error), settings, section, oldest)


def _missing(
    target: str, error: str, settings: Settings, section: tuple[str, Path], oldest: dict[str, str]
) -> Finding:
    if packages := _packages(target):
        wanted = [f"{package}>={oldest[package]}" for package in packages]
        return Finding(Level.ERROR, "library-missing", error, _install(*wanted))
    meant = difflib.get_close_matches(target, BUILT_IN_STRATEGIES, n=1)
    words = [*settings.notifier_strategy]
    at = words.index(target)
    words[at : at + 1] = [word for word in meant if word not in words]
    mend = mends.line_in(*section, f"notifier_strategy = {', '.join(words) or 'logging'}")
    return Finding(Level.ERROR, "strategy-unknown", error, mend)


def _packages(target: str) -> tuple[str, ...]:
    """The packages that a target needs; of an installed strategy they are not known."""
    built_in = BUILT_IN.get(target)
    return () if built_in is None else built_in.packages


def _install(*requirements: str) -> str:
    return f"{sys.executable} -m pip install {' '.join(map(shlex.quote, requirements))}"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""  # a library of a distribution can be without its metadata


def _numbers(version: str) -> list[int]:
    """The numbers of a version, which compare as versions do; of a pre-release its release's."""
    found = re.match(r"\d+(\.\d+)*", version)
    return [int(number) for number in found[0].split(".")] if found else []
