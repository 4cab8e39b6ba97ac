"""What follows from the receiver's answer. Pure."""

import contextlib
import enum
import http
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

LONGEST_RETRY_AFTER = 3600.0
"""Seconds: a receiver that wants a longer wait is asked again after this one."""


class Verdict(enum.Enum):
    """What a status says of the messages of a request."""

    CONFIRMED = "confirmed"
    """The receiver has them."""
    AGAIN = "again"
    """It may take them later, as they are."""
    OPERATOR = "operator"
    """It takes nothing until somebody changes that."""
    REJECTED = "rejected"
    """It will never take them: of several at least one, without a word which."""


_VERDICTS: Mapping[int, Verdict] = {
    400: Verdict.REJECTED,
    408: Verdict.AGAIN,
    413: Verdict.REJECTED,
    422: Verdict.REJECTED,
    425: Verdict.AGAIN,
    429: Verdict.AGAIN,
}
"""The statuses that are not as the others of their class."""

_BY_CLASS: Mapping[int, Verdict] = {2: Verdict.CONFIRMED, 5: Verdict.AGAIN}
"""The first digit of a status -> what it says. Every other status needs the operator: redirects,
which are not followed, and refusals that are not about a message."""

_ADVICE: Mapping[int, str] = {
    401: "see webhook_token_file, webhook_secrets_file, and the user of webhook_url",
    403: "see webhook_token_file, webhook_secrets_file, and the user of webhook_url",
    404: "see the path of webhook_url",
    407: "see webhook_proxy",
    410: "the receiver is gone for good: see webhook_url",
    415: "see message_format and webhook_batch",
}
"""What an operator can look at, where the status says it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as far as it matters."""

    status: int
    retry_after: str = ""
    """The header, or empty."""

    @property
    def verdict(self) -> Verdict:
        """What the status says of the messages of the request."""
        return _VERDICTS.get(self.status) or _BY_CLASS.get(self.status // 100, Verdict.OPERATOR)

    @property
    def text(self) -> str:
        """The status in words, and what an operator can do. Nothing in it is of the receiver's
        choice but the number."""
        phrase = str(self.status)
        with contextlib.suppress(ValueError):
            phrase = f"{self.status} {http.HTTPStatus(self.status).phrase}"
        advice = _ADVICE.get(self.status, "")
        if 300 <= self.status < 400:
            advice = "redirects are not followed: set webhook_url to where it leads"
        return f"answers {phrase}" + (f"; {advice}" if advice else "")

    def wait(self, now: float) -> float:
        """Seconds that the receiver wants to be left alone, at most LONGEST_RETRY_AFTER; 0 where it
        does not say, or where waiting alone changes nothing. `now` is the wall-clock time.
        RFC 9110, 10.2.3."""
        seconds = 0.0
        if self.verdict is not Verdict.AGAIN:
            return seconds
        if re.fullmatch(r"[0-9]+", self.retry_after):
            seconds = float(self.retry_after)
        else:
            with contextlib.suppress(ValueError, TypeError, OverflowError):
                date = parsedate_to_datetime(self.retry_after)
                # A date without a zone is one in UTC, as each date of HTTP (RFC 9110, 5.6.7).
                seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
        return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)
