"""glance-api.conf, as far as it concerns the filter: the flavor, and Glance's own notifier."""

from collections.abc import Iterator
from pathlib import Path

from glance_notify_middleware.cli import paste_file
from glance_notify_middleware.cli.check import mends
from glance_notify_middleware.cli.errors import UsageError
from glance_notify_middleware.config import Settings
from glance_notify_middleware.config.finding import Finding, Level
from glance_notify_middleware.config.kinds import words_of
from glance_notify_middleware.config.transport_url import TRANSPORT_URL, TransportURL
from glance_notify_middleware.strategies.registry import BUILT_IN, describe

_NOTIFIER = "oslo_messaging_notifications"
_TO_A_BROKER = ("messaging", "messagingv2")
"""The drivers that send to a broker (oslo.messaging 18.0, `oslo.messaging.notify.drivers`)."""


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
    def flavor(self) -> str:
        """`[paste_deploy] flavor`; `default` where it is not set."""
        return self.last("paste_deploy", "flavor") or "default"


def find(given: str | None, paste: Path) -> GlanceConf | None:
    """The `given` glance-api.conf, or the one beside the paste file, or the one in /etc/glance.

    The last one only if it leads to this paste file. None: it is not known. Raises UsageError for
    a `given` one that cannot be read.
    """
    if given is not None:
        try:
            return GlanceConf(Path(given).absolute(), Path(given).read_text(errors="replace"))
        except OSError as error:
            raise UsageError(f"--conf: {given}: {error.strerror}") from error
    places = [paste.with_name(paste_file.CONF.name)]
    try:
        if paste_file.find(None, None) == paste:
            places.append(paste_file.CONF)
    except UsageError:
        pass  # there is no paste file in /etc/glance
    for path in places:
        try:
            return GlanceConf(path, path.read_text(errors="replace"))
        except OSError:
            continue
    return None


def native_notifier(conf: GlanceConf, settings: Settings) -> Iterator[Finding]:
    """Whether Glance's own notifier sends to a topic to which the filter sends, too."""
    if not set(conf.all(_NOTIFIER, "driver")) & set(_TO_A_BROKER):
        return
    topics = words_of(conf.last(_NOTIFIER, "topics")) or ["notifications"]
    for target in settings.notifier_strategy:
        if target in BUILT_IN and _is_same(conf, target, topics, settings):
            yield Finding(
                Level.ERROR,
                "notified-twice",
                f"Glance's own notifier is on ([{_NOTIFIER}] driver) and sends to the topic of "
                f"{target}: each event is reported twice, and may be billed twice",
                mends.line_in(_NOTIFIER, conf.path, "driver = noop"),
            )
            return


def _is_same(conf: GlanceConf, target: str, topics: list[str], settings: Settings) -> bool:
    """Whether a target's topic is one of `topics`, at the same broker."""
    here = getattr(settings, target)
    if here.notification_topic not in topics:
        return False
    url = conf.last(_NOTIFIER, "transport_url") or conf.last("DEFAULT", "transport_url")
    there = _parsed(url or "rabbit://")
    if there is None:  # it says what the filter has no word for; the broker may be the same
        return url.startswith("rabbit")
    hosts = {broker.host for broker in describe(target, settings).brokers}
    virtual_host = getattr(here, "virtual_host", there.virtual_host)
    same_host = bool(hosts & {broker.host for broker in there.brokers})
    return same_host and virtual_host == there.virtual_host


def _parsed(url: str) -> TransportURL | None:
    try:
        parsed: TransportURL = TRANSPORT_URL.convert(url)
    except ValueError:
        return None
    return parsed
