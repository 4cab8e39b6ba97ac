"""The requester, from a WSGI environ."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from glance_notify_middleware.events.bounds import (
    LONGEST_ID,
    LONGEST_PATH,
    LONGEST_USER_AGENT,
    bounded,
)


class Requester(NamedTuple):
    """Who made a request, and which; a field is None when it is unknown.

    image.send calls the project and the user the receiver. `user_agent` and `path` are as WSGI has
    them: each character is one byte, and a client chooses it. `service_user_id` and
    `service_project_id` are those of a service that acts for the user. `path` has no query.
    """

    project_id: str | None = None
    user_id: str | None = None
    request_id: str | None = None
    user_agent: str | None = None
    service_user_id: str | None = None
    service_project_id: str | None = None
    method: str | None = None
    path: str | None = None


def glance_context(environ: Mapping[str, Any]) -> Any:
    """The RequestContext that Glance has made for the request; None when there is none (yet)."""
    return environ.get("webob.adhoc_attrs", {}).get("context")


def from_context(environ: Mapping[str, Any]) -> Requester | None:
    """The requester by Glance's RequestContext; None when there is no context (yet).

    A field that the context leaves empty stays empty.
    """
    context = glance_context(environ)
    if context is None:
        return None
    project_id = getattr(context, "project_id", None)
    user_id = getattr(context, "user_id", None)
    request_id = getattr(context, "request_id", None)  # a client can choose it, by a header
    if len(f"{project_id}{user_id}{request_id}") > LONGEST_ID:
        project_id, user_id, request_id = map(bounded, (project_id, user_id, request_id))
    return _requester(environ, project_id, user_id, request_id)


def _requester(
    environ: Mapping[str, Any], project_id: str | None, user_id: str | None, request_id: str | None
) -> Requester:
    """The requester with these ids, and what the environ shows of the request."""
    get = environ.get
    user_agent = get("HTTP_USER_AGENT")
    if user_agent is not None and len(user_agent) > LONGEST_USER_AGENT:
        user_agent = user_agent[:LONGEST_USER_AGENT]
    path = get("PATH_INFO")
    # Filters and applications below move a part of the path from one key to the other (PEP 3333).
    mounted = get("SCRIPT_NAME")
    if mounted:
        path = mounted + (path or "")
    if path is not None and len(path) > LONGEST_PATH:
        path = path[:LONGEST_PATH]
    service_user_id = service_project_id = None
    if "HTTP_X_SERVICE_IDENTITY_STATUS" in environ:
        service_user_id, service_project_id = _service(environ)
    return Requester(
        project_id,
        user_id,
        request_id,
        user_agent,
        service_user_id,
        service_project_id,
        get("REQUEST_METHOD"),
        path,
    )


def _service(environ: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The user and the project of the service whose token keystonemiddleware has validated.

    It sets these headers, and removes those that a client sent (keystonemiddleware 13.0,
    auth_token/_request.py: `set_service_headers`, `remove_auth_headers`). In a pipeline without it
    a client could send them. So they count only beside the object that it keeps in the environ,
    where no header can stand.
    """
    if (
        environ.get("HTTP_X_SERVICE_IDENTITY_STATUS") != "Confirmed"
        or _VALIDATED_TOKENS not in environ
    ):
        return None, None
    return (
        bounded(environ.get("HTTP_X_SERVICE_USER_ID") or None),
        bounded(environ.get("HTTP_X_SERVICE_PROJECT_ID") or None),
    )


_VALIDATED_TOKENS = "keystone.token_auth"


def was_passed_on(before: Requester, environ: Mapping[str, Any]) -> bool:
    """Whether Glance passed the request on to another of its nodes.

    Glance does so with a request for an image that was staged on that node. Afterwards the context
    has the request id that the node used (glance 33.0.0, api/v2/images.py,
    `_proxy_request_to_host`). `before` is the requester before the application was called.
    """
    context = glance_context(environ)
    if context is None:
        return False
    request_id = getattr(context, "request_id", None)
    return request_id != before.request_id and bounded(request_id) != before.request_id


def authentication_has_run(environ: Mapping[str, Any]) -> bool:
    """Whether anything has authenticated the request, also when it found nobody."""
    return glance_context(environ) is not None or "HTTP_X_IDENTITY_STATUS" in environ


def from_headers(environ: Mapping[str, Any]) -> Requester:
    """The requester by the identity headers, for a request that never had a context.

    The headers count when keystonemiddleware has confirmed them; it removes those that the client
    sent. This filter can stand above keystonemiddleware. So the headers are read after the
    application was called.
    """
    project_id = user_id = None
    if environ.get("HTTP_X_IDENTITY_STATUS") == "Confirmed":
        project_id = environ.get("HTTP_X_PROJECT_ID") or environ.get("HTTP_X_TENANT_ID") or None
        user_id = environ.get("HTTP_X_USER_ID") or None
    return _requester(environ, bounded(project_id), bounded(user_id), None)
