"""What of a request's environ a look-up needs: for the request itself, and for hours after it."""

import copy
from collections.abc import Mapping
from typing import Any

from glance_notify_middleware.events.bounds import bounded

Snapshot = Mapping[str, Any]
"""A part of a WSGI environ."""

# The headers by which a filter below this filter (authtoken, context) knows the user.
_IDENTITY_HEADERS = (
    "HTTP_OPENSTACK_SYSTEM_SCOPE",
    "HTTP_X_AUTH_TOKEN",
    "HTTP_X_DOMAIN_",
    "HTTP_X_IDENTITY_STATUS",
    "HTTP_X_IS_ADMIN_PROJECT",
    "HTTP_X_PROJECT_",
    "HTTP_X_ROLE",
    "HTTP_X_SERVICE_",
    "HTTP_X_TENANT",
    "HTTP_X_USER",
)
_COPIED = ("REMOTE_ADDR", "HTTP_HOST", "SCRIPT_NAME", "api.version", "webob.adhoc_attrs")
_COPIED_PREFIXES = ("SERVER_", "wsgi.", *_IDENTITY_HEADERS)

_NOT_LASTING = ("HTTP_X_AUTH_TOKEN", "HTTP_X_SERVICE_TOKEN", "webob.adhoc_attrs", "wsgi.input")
_NOT_LASTING_IN_CONTEXT = ("auth_token", "service_token", "service_catalog")
_LASTING_SIZE = 16 * 1024  # characters of all texts: clients choose some, a catalogue is long


def copy_environ(environ: dict[str, Any]) -> dict[str, Any]:
    """The environ as it is before the application is called: `take_snapshot` needs it.

    After the call the environ holds what filters below keep for their own use: a look-up with the
    cache filter's `api.cache.*` keys overwrote the image in Glance's cache with the JSON record
    (glance 33.0.0).
    """
    copied = environ.copy()
    if "webob.adhoc_attrs" in copied:
        copied["webob.adhoc_attrs"] = dict(copied["webob.adhoc_attrs"])
    return copied


def take_snapshot(environ: Mapping[str, Any]) -> Snapshot:
    """What a look-up needs of an environ that `copy_environ` has copied.

    What the client asked for is never taken: lengths, ranges, conditions, encodings.
    """
    return {
        key: value
        for key, value in environ.items()
        if key in _COPIED or key.startswith(_COPIED_PREFIXES)
    }


def lasting_snapshot(snapshot: Snapshot, context: Any) -> Snapshot:
    """What of a snapshot may be kept for hours, of bounded size.

    It holds no token and nothing that belongs to the request alone. Of the texts the shortest are
    kept, as many as have room.

    `context` is Glance's RequestContext (None: there is none), of which a copy without its tokens
    and its service catalogue is kept. Below Glance's context filter that suffices: the API asks
    the context alone who the user is (glance 33.0.0).
    """
    kept = {key: value for key, value in snapshot.items() if key not in _NOT_LASTING}
    room = _LASTING_SIZE
    texts = [key for key, value in kept.items() if isinstance(value, str)]
    for key in sorted(texts, key=lambda key: len(kept[key])):
        room -= len(key) + len(kept[key])
        if room < 0:
            del kept[key]
    if context is not None:
        kept["webob.adhoc_attrs"] = {"context": _lasting_context(context)}
    return kept


def _lasting_context(context: Any) -> Any:
    context = copy.copy(context)
    for name in _NOT_LASTING_IN_CONTEXT:
        if hasattr(context, name):
            setattr(context, name, None)
    for name, value in list(getattr(context, "__dict__", {}).items()):
        if isinstance(value, str):  # clients choose some, such as the request id
            setattr(context, name, bounded(value))
    return context
