"""Puts the filter into the text of a paste file, and checks its place in a loaded pipeline."""

import re
from typing import Any, Literal

from glance_notify_middleware.wsgi.middleware import NotifyMiddleware
from tests.glance_suite.capture import Shim

Place = Literal["none", "application", "context"]
"""The filter's place: none, directly before the application, directly after context."""

PLACES: tuple[Place, ...] = ("none", "application", "context")

_SECTION = """
[filter:notify]
paste.filter_factory = glance_notify_middleware:filter_factory
notifier_strategy = logging
image_delete_payload = {delete_payload}
"""
_PIPELINE = re.compile(r"^pipeline = (?P<words>.+)$", re.MULTILINE)
_MAKES_CONTEXT = {"context", "unauthenticated-context"}


class MisplacedError(AssertionError):
    """The filter is not at its place in a loaded pipeline, so that the run would prove nothing."""


def with_filter(paste: str, place: Place, delete_payload: str = "id") -> str:
    """The text of a paste file with the filter's section, and with `notify` in every pipeline."""
    if place == "none":
        return paste
    edited = _PIPELINE.sub(lambda found: f"pipeline = {_inserted(found['words'], place)}", paste)
    return edited + _SECTION.format(delete_payload=delete_payload)


def _inserted(words: str, place: Place) -> str:
    pipeline = words.split()
    contexts = [at for at, word in enumerate(pipeline) if word in _MAKES_CONTEXT]
    if place == "context" and not contexts:
        raise MisplacedError(f"no filter of this pipeline makes the context: {words}")
    at = len(pipeline) - 1 if place == "application" else contexts[-1] + 1
    return " ".join([*pipeline[:at], "notify", *pipeline[at:]])


def loaded(app: Any) -> list[str]:
    """The names of the classes of a loaded pipeline, outermost first, the application last; the
    shim that `capture` puts around the filter is left out."""
    names = []
    while app is not None:
        app = getattr(app, "__self__", app)  # the filter is a bound method
        if not isinstance(app, Shim):
            names.append(type(app).__name__)
        app = getattr(app, "application", None) or getattr(app, "_app", None)
    return names


def check(names: list[str], place: Place) -> None:
    """Raises MisplacedError unless `names`, from `loaded`, has the filter at its place."""
    name_of_filter = NotifyMiddleware.__name__
    found = names.count(name_of_filter)
    if place == "none":
        right = found == 0
    else:
        at = names.index(name_of_filter) if found == 1 else 0
        right = found == 1 and (
            at == len(names) - 2
            if place == "application"
            else names[at - 1] in ("ContextMiddleware", "UnauthenticatedContextMiddleware")
        )
    if not right:
        raise MisplacedError(f"the filter is not at its place ({place}): {' '.join(names)}")
