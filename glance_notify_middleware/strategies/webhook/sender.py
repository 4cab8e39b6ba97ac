"""Who sends, as the files say it that the options name. They are read for each connection."""

import re
from dataclasses import dataclass, field

from glance_notify_middleware.config.webhook_options import WebhookSettings
from glance_notify_middleware.strategies import credentials
from glance_notify_middleware.strategies.credentials import MisconfiguredError
from glance_notify_middleware.strategies.webhook import signing


@dataclass(frozen=True, slots=True)
class Sender:
    """What shows the receiver who sends."""

    authorization: str = field(repr=False)
    """The header of this name, or empty."""
    keys: tuple[bytes, ...] = field(repr=False)
    """What signs each request; empty: nothing does."""


def read(settings: WebhookSettings) -> Sender:
    """The sender, of the URL and the files. Raises MisconfiguredError."""
    authorization = settings.url.login if settings.url else ""
    if settings.token_file:
        authorization = f"Bearer {_token(settings.token_file)}"
    keys = _keys(settings.secrets_file) if settings.secrets_file else ()
    return Sender(authorization, keys)


def _token(path: str) -> str:
    option = "webhook_token_file"
    token = credentials.text_of(option, path)
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise MisconfiguredError(f"option {option}: {path}: is not one line with a token")
    return token


def _keys(path: str) -> tuple[bytes, ...]:
    option = "webhook_secrets_file"
    try:
        keys = signing.secrets(credentials.text_of(option, path))
    except ValueError as error:
        why = str(error)
    else:
        if keys:
            return keys
        why = "has no secret"
    raise MisconfiguredError(f"option {option}: {path}: {why}")
