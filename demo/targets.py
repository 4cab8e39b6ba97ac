"""Four targets of one Glance: the lines of each, and what these lines say that it gets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

DELETED = "image.delete INFO"
VHOST = "audit"
"""The virtual host of the target `everything`; that of `billing` is /."""


@dataclass(frozen=True)
class Target:
    """A target; `lines` are its own, without its name before them."""

    name: str
    lines: Mapping[str, str] = field(hash=False)

    @property
    def is_at_rabbit(self) -> bool:
        """Whether what it is to get waits while RabbitMQ is dead."""
        return self.lines["strategy"] == "rabbit"

    @property
    def form(self) -> str:
        """The format of all that it gets."""
        return self.lines.get("message_format", "plain")

    def gets(self, event: str) -> bool:
        """Whether it gets an event, given as its type and its priority."""
        event_type, priority = event.split()
        priorities = self.lines.get("priorities", "info, warn, error").split(", ")
        groups = self.lines.get("event_types", "image").split(", ")
        is_chosen = any(f"{event_type}.".startswith(f"{group}.") for group in groups)
        return is_chosen and priority.lower() in priorities

    def faults(self, event: str, image: str, came: "Came") -> list[str]:
        """What is wrong with the form, and with the payload of a delete, in a line each."""
        found = []
        if came.form != self.form:
            found.append(f"its format is {came.form}, not {self.form}")
        if event == DELETED:
            with_metadata = self.lines.get("image_delete_payload") == "metadata"
            wanted = "metadata" if with_metadata else "id"
            if came.payload_kind != wanted:
                found.append(f"its payload is the {came.payload_kind}, not the {wanted}")
            elif came.image != image:
                found.append(f"it is about {came.image}, not {image}")
        return found


class Came(NamedTuple):
    """A notification as a target got it."""

    form: str
    """As `message_format` calls it."""
    event: str
    """Its type and its priority."""
    message_id: str
    payload: Any
    body: bytes
    note: str = ""
    """Its place among those that came in the same request."""

    @property
    def payload_kind(self) -> str:
        """The value of `image_delete_payload` that the payload of a delete comes of."""
        return "metadata" if isinstance(self.payload, dict) else "id"

    @property
    def image(self) -> str:
        """The id of the image that a delete is about."""
        return str(self.payload["id"] if isinstance(self.payload, dict) else self.payload)


def read(body: bytes, note: str = "") -> Came:
    """The notification in a message, whose format is known by its keys."""
    fields = json.loads(body)
    if "specversion" in fields:
        event = f"{fields['type'].removeprefix('org.openstack.')} {fields['priority']}"
        return Came("cloudevents", event, fields["id"], fields["data"], body, note)
    form = "oslo" if "oslo.message" in fields else "plain"
    if form == "oslo":
        fields = json.loads(fields["oslo.message"])
    event = f"{fields['event_type']} {fields['priority']}"
    return Came(form, event, fields["message_id"], fields["payload"], body, note)


def four(url: str, ca_file: Path, secrets_file: Path, log_file: Path) -> tuple[Target, ...]:
    """The targets. `url` and the files before `log_file` are those of a receiver of webhooks."""
    return (
        Target(  # for an unmodified Ceilometer
            "billing",
            {
                "strategy": "rabbit",
                "message_format": "oslo",
                "image_delete_payload": "metadata",
                "priorities": "info, error",
            },
        ),
        Target("everything", {"strategy": "rabbit", "rabbit_virtual_host": VHOST}),
        Target(
            "siem",
            {
                "strategy": "webhook",
                "message_format": "cloudevents",
                "webhook_url": url,
                "webhook_ssl_ca_file": str(ca_file),
                "webhook_secrets_file": str(secrets_file),
                "webhook_batch": "100",
            },
        ),
        Target(
            "members",
            {"strategy": "logging", "log_file": str(log_file), "event_types": "image.member"},
        ),
    )


def section(targets: tuple[Target, ...], port: int, journal: Path) -> str:
    """The filter's section for the targets, with RabbitMQ at a port of loopback, as guest."""
    lines = "\n".join(
        f"{target.name}.{option} = {value}"
        for target in targets
        for option, value in target.lines.items()
    )
    return f"""
[filter:notify]
paste.filter_factory = glance_notify_middleware:filter_factory
notifier_strategy = {", ".join(target.name for target in targets)}
journal_dir = {journal}
rabbit_port = {port}
create_queues = auto
rabbit_durable_queues = true
{lines}
"""
