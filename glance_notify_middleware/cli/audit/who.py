"""glance-notify who: who did what with an image."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from glance_notify_middleware.cli.audit.distinct import DistinctIds
from glance_notify_middleware.cli.audit.file_arguments import FileArguments
from glance_notify_middleware.cli.command import Lister
from glance_notify_middleware.cli.errors import UsageError
from glance_notify_middleware.cli.uuids import is_uuid
from glance_notify_middleware.events.escaping import escaped_text
from glance_notify_middleware.events.failure import TRIED, UNKNOWN_OUTCOME
from glance_notify_middleware.events.notification import EventType, Priority

ACTIONS: Mapping[str, Mapping[EventType, str]] = {
    "downloaded": {EventType.SEND: "download"},
    "changed": {
        EventType.CREATE: "create",
        EventType.PREPARE: "begin upload",
        EventType.UPLOAD: "upload",
        EventType.ACTIVATE: "activate",
        EventType.UPDATE: "update",
    },
    "deleted": {EventType.DELETE: "delete"},
    "shared": {
        EventType.MEMBER_CREATE: "share",
        EventType.MEMBER_UPDATE: "change sharing",
        EventType.MEMBER_DELETE: "end sharing",
    },
}
"""The words of the command -> the types of events, and the words of the column action."""

COLUMNS = (
    "when",
    "action",
    "ended",
    "user",
    "project",
    "from",
    "bytes",
    "request id",
    "publisher",
)
MORE_COLUMNS = ("detail", "message id")
"""The columns that --long adds."""

_TRIED = frozenset(TRIED.values())
_ENDS = {Priority.INFO: "done", Priority.WARN: "refused"}


class Who(FileArguments, Lister):
    """Show who downloaded, changed, deleted or shared an image, from the log_file of all nodes.

    Without a word before the image, everything is shown. A damaged line is named and left out; the
    exit status is then 1. With a file that could not be read it is 3.
    """

    example = (
        "who downloaded 55354b8b-28d8-4e35-aa1e-20e5222c93a9 --since 7d node*/notifications.log*"
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the word that may be left out and the image, before the files, and --long."""
        parser.add_argument(
            "action", nargs="?", metavar="ACTION", help=f"{', '.join(ACTIONS)}; default: all"
        )
        parser.add_argument("image", metavar="IMAGE", help="the id of an image")
        super().add_arguments(parser)
        parser.add_argument(
            "--long", action="store_true", help="show details and the ids of notifications, too"
        )

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Any]]:
        """Read the files. Raises UsageError."""
        actions = _understood(parsed_args)
        period = self.period(parsed_args)
        files = self.log_files(parsed_args)
        ids = DistinctIds()
        found, is_any = [], False
        for line in files.read(period):
            is_any = True
            if (
                line.fields["event_type"] in actions
                and _is_about(line.fields, parsed_args.image)
                and ids.add(line.fields["timestamp"], line.fields["message_id"])
            ):
                found.append(line.fields)
        self.status = files.status
        self.nothing = f"nothing is found about image {escaped_text(parsed_args.image)}"
        if not is_any:
            self.nothing += ": no notification at all was read"
        found.sort(key=lambda fields: (fields["timestamp"], fields["message_id"]))
        more = MORE_COLUMNS if parsed_args.long else ()
        columns = COLUMNS + more
        return columns, [_row(fields, actions)[: len(columns)] for fields in found]


def _understood(parsed_args: argparse.Namespace) -> Mapping[EventType, str]:
    """The types of events that are asked for, and the word for each.

    argparse takes the first of three words for the action. Where it is none, it is the image, and
    the second word is the first file. Raises UsageError.
    """
    if parsed_args.action in ACTIONS:
        return ACTIONS[parsed_args.action]
    if parsed_args.image in ACTIONS:
        raise UsageError(f"a FILE is missing; expected who {parsed_args.image} IMAGE FILE")
    if (word := parsed_args.action) is not None:
        if is_uuid(parsed_args.image) and not is_uuid(word):
            expected = ", ".join(ACTIONS)
            raise UsageError(f"{escaped_text(word)!r} is no action; expected {expected}, or none")
        parsed_args.files.insert(0, parsed_args.image)
        parsed_args.image = word
        parsed_args.action = None
    return {event_type: word for words in ACTIONS.values() for event_type, word in words.items()}


def _is_about(fields: Mapping[str, Any], image: str) -> bool:
    """Whether a notification of Glance is about this image."""
    payload = fields["payload"]
    if isinstance(payload, dict):
        return bool(payload.get("image_id", payload.get("id")) == image)
    if fields["priority"] == Priority.INFO:  # of image.delete
        return bool(payload == image)
    tried, _, _ = payload.partition(f" {image}: ")
    return tried in _TRIED


def _row(fields: Mapping[str, Any], actions: Mapping[EventType, str]) -> tuple[Any, ...]:
    payload = fields["payload"]
    facts = payload if isinstance(payload, dict) else {}
    event_type = EventType(fields["event_type"])
    is_download = event_type is EventType.SEND
    sizes = {EventType.SEND: "bytes_sent", EventType.UPLOAD: "size"}
    row = (
        fields["timestamp"],
        actions[event_type],
        _ended(fields),
        facts.get("receiver_user_id") if is_download else fields.get("_context_user_id"),
        facts.get("receiver_tenant_id") if is_download else fields.get("_context_project_id"),
        facts.get("destination_ip"),
        facts.get(sizes.get(event_type, "")),
        fields.get("_context_request_id"),
        fields.get("publisher_id"),
        _detail(fields),
        fields["message_id"],
    )
    return tuple(escaped_text(value) if isinstance(value, str) else value for value in row)


def _ended(fields: Mapping[str, Any]) -> str:
    """How it ended: done, refused, cut, failed, or unknown."""
    if found := _ENDS.get(fields["priority"]):
        return found
    if fields["event_type"] == EventType.SEND:
        return "cut"
    return "unknown" if f": {UNKNOWN_OUTCOME}: " in fields["payload"] else "failed"


def _detail(fields: Mapping[str, Any]) -> str | None:
    """With whom an image was shared, and whether that was accepted; or why something failed."""
    payload = fields["payload"]
    if isinstance(payload, str):
        return payload if fields["priority"] != Priority.INFO else None
    if (member := payload.get("member_id")) is None:
        return None
    status = payload.get("status")
    return f"with {member}, {status}" if status else f"with {member}"
