"""The libraries of the brokers: whether they are there, and new enough."""

import difflib
import importlib.metadata
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from glance_notify_middleware.cli import mends
from glance_notify_middleware.config import OptionError, Settings, Target
from glance_notify_middleware.config.finding import Finding, Level
from glance_notify_middleware.config.general_options import BUILT_IN_STRATEGIES
from glance_notify_middleware.strategies import loading
from glance_notify_middleware.strategies.registry import built_in, with_delivery

_PACKAGE = "glance-notify-middleware"
_REQUIREMENT = re.compile(r"([A-Za-z0-9_.-]+)\s*>=\s*([0-9.]+)")


def findings(settings: Settings, section: tuple[str, Path]) -> Iterator[Finding]:
    """What is missing, or too old, for the targets of a section: its name and its paste file."""
    oldest = dict(_REQUIREMENT.findall("\n".join(importlib.metadata.requires(_PACKAGE) or ())))
    for target in with_delivery(settings).values():
        for package in _packages(target):
            found = _version(package)
            if found and _numbers(found) < _numbers(oldest[package]):
                what = f"{package} {found} is too old for {target.name}; expected {oldest[package]}"
                mend = _install(f"{package}>={oldest[package]}")
                yield Finding(Level.ERROR, "library-old", f"{what} or newer", mend)
        try:
            loading.maker(target)
        except OptionError as error:
            yield _missing(target, error, settings, section, oldest)


def _missing(
    target: Target,
    error: OptionError,
    settings: Settings,
    section: tuple[str, Path],
    oldest: dict[str, str],
) -> Finding:
    if packages := _packages(target):
        wanted = [f"{package}>={oldest[package]}" for package in packages]
        return Finding(Level.ERROR, "library-missing", str(error), _install(*wanted))
    if error.options:  # those that the strategy declares
        mend = f"see the documents of {target.strategy}"
        return Finding(Level.ERROR, "value-wrong", str(error), mend)
    meant = difflib.get_close_matches(target.strategy, BUILT_IN_STRATEGIES, n=1)
    if target.strategy != target.name:
        line = f"{target.name}.strategy = {''.join(meant) or 'logging'}"
    else:
        words = [*settings.notifier_strategy]
        at = words.index(target.name)
        words[at : at + 1] = [word for word in meant if word not in words]
        line = f"notifier_strategy = {', '.join(words) or 'logging'}"
    return Finding(Level.ERROR, "strategy-unknown", str(error), mends.line_in(*section, line))


def _packages(target: Target) -> tuple[str, ...]:
    """The packages that a target needs; of an installed strategy they are not known."""
    found = built_in(target)
    return () if found is None else found.packages


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
