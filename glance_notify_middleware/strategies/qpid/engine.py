"""Proton's protocol engine between a stream and one link. What the broker sends becomes calls of a
function, or errors."""

import atexit
import contextlib
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import cproton  # type: ignore[import-untyped]
import proton

from glance_notify_middleware.strategies.deadline import Deadline
from glance_notify_middleware.strategies.stream import CALL_SIZE, Stream

_LONGEST = 200  # characters of a broker's description: RabbitMQ 3.10 may send its whole state


class EndedError(Exception):
    """The broker has ended the link, or the session or connection below it; the text says why.

    `condition` is the name of AMQP's error condition, or empty.
    """

    def __init__(self, what: str, condition: proton.Condition | None) -> None:
        self.condition = condition.name if condition else ""
        why = [condition.name, (condition.description or "")[:_LONGEST]] if condition else []
        super().__init__(": ".join([f"the broker has ended the {what}", *filter(None, why)]))


def _ignore(delivery: proton.Delivery) -> None:
    """The outcome of a delivery that nobody waits for."""


def _outlive_proton() -> None:
    """Keep Proton usable until the interpreter has ended.

    Proton registers a function with atexit that forgets all objects to which its C part points
    (0.40, `clear_retained_objects` in cproton.py). atexit calls the function that was registered
    last first, so it would run before the relay's threads have ended; a thread that uses such an
    object then aborts the process. Versions of Proton before cffi have no such function.
    """
    forget = getattr(cproton, "clear_retained_objects", None)
    if forget is not None:
        atexit.unregister(forget)


class Engine:
    """A connection with one session and one link, to a node of the broker.

    After an error it can only be dropped.
    """

    def __init__(
        self, stream: Stream, deadline: Deadline, *, name: str, host: str, heartbeat: float
    ) -> None:
        """`name` names connection and link at the broker; `host` is the broker's name, as given.

        After `heartbeat` seconds without a frame the connection counts as lost; 0: never.
        """
        _outlive_proton()
        self.on_outcome: Callable[[proton.Delivery], None] = _ignore
        self._stream = stream
        self._deadline = deadline
        self._collector = proton.Collector()
        self._connection = proton.Connection()
        self._connection.collect(self._collector)
        self._connection.container = name
        self._connection.hostname = host
        self._connection.properties = {proton.symbol("product"): "glance_notify_middleware"}
        self._transport = proton.Transport()
        self._transport.idle_timeout = heartbeat
        self._transport.bind(self._connection)
        self._session = self._connection.session()
        self._link = self._session.sender(name)

    @property
    def product(self) -> str:
        """The name of the broker's product, or empty."""
        properties = self._connection.remote_properties or {}
        return str(properties.get(proton.symbol("product"), ""))

    @property
    def longest(self) -> int | None:
        """The most bytes that a message may have at this link; None: no limit."""
        return self._link.remote_max_message_size or None

    def open(self) -> None:
        """Open the connection, and wait until the broker has opened it: `product` is known then."""
        self._deadline.renew()
        self._connection.open()
        while not self._connection.state & self._connection.REMOTE_ACTIVE:
            self.turn(wait=True)

    def attach(self, address: str, capabilities: Sequence[str] = ()) -> None:
        """Open the link to the node of that address, and wait until the broker has opened it."""
        link = self._link
        link.target.address = address
        if capabilities:
            symbols = map(proton.symbol, capabilities)
            undescribed: Any = proton.UNDESCRIBED
            array = proton.Array(undescribed, proton.Data.SYMBOL, *symbols)
            link.target.capabilities.put_object(array)
        link.snd_settle_mode = link.SND_UNSETTLED  # so that the broker sends an outcome for each
        link.rcv_settle_mode = link.RCV_FIRST
        self._deadline.renew()
        self._session.open()
        link.open()
        # For an unknown node the broker answers with a target without address, then with the end.
        while not (link.state & link.REMOTE_ACTIVE and link.remote_target.address):
            self.turn(wait=True)

    def transfer(self, tag: str, encoded: bytes) -> None:
        """Queue a message: it is written when the broker has given credit for it."""
        self._link.delivery(tag)
        self._link.stream(encoded)
        self._link.advance()

    def turn(self, *, wait: bool) -> None:
        """Read and write what is possible, and handle what was read. `wait`: for something to read.

        Raises EndedError, OSError, and what `on_outcome` raises.
        """
        self._deadline.left()
        has_read = self._read()
        wakes = self._transport.tick(time.monotonic())
        try:
            is_full = self._write()
        except OSError:
            while self._read():  # the broker may have sent why it closed the connection
                pass
            raise
        self._handle_events()  # those of the tick
        if wait and not has_read:
            at_most = wakes - time.monotonic() if wakes else math.inf
            self._stream.wait(self._deadline, writing=is_full, at_most=max(at_most, 0.001))

    def close(self) -> None:
        """Close the connection, and wait for the broker's answer. Raises as `turn` does."""
        self._connection.close()
        with contextlib.suppress(EndedError):
            while True:
                self.turn(wait=True)

    def drop(self) -> None:
        """Release all, and send nothing."""
        self._stream.close()
        self._transport.unbind()
        self.on_outcome = _ignore

    def _read(self) -> bool:
        """Read what has come, and handle it; returns whether anything had."""
        data = self._stream.receive()
        if data is None:
            return False
        while data:
            room = self._transport.capacity()
            if room <= 0:  # it takes no more after an error or an end, which is an event
                self._handle_events()
                raise ConnectionResetError("the broker closed the connection")
            self._transport.push(data[:room])
            data = data[room:]
            self._handle_events()
        return True

    def _write(self) -> bool:
        """Write what is pending; returns whether the stream takes no more for now."""
        while (pending := self._transport.pending()) > 0:
            sent = self._stream.send(self._transport.peek(min(pending, CALL_SIZE)) or b"")
            if not sent:
                return True
            self._transport.pop(sent)
        return False

    def _handle_events(self) -> None:
        while (event := self._collector.peek()) is not None:
            kind, delivery = event.type, event.delivery
            if kind is proton.Event.DELIVERY and delivery is not None:
                self.on_outcome(delivery)
            elif kind in _ENDS:
                ended: Any = getattr(event, _ENDS[kind])
                is_local = kind is proton.Event.TRANSPORT_ERROR
                condition = ended.condition if is_local else ended.remote_condition
                raise EndedError(_ENDS[kind], condition)
            self._collector.pop()


_ENDS = {
    proton.Event.LINK_REMOTE_CLOSE: "link",
    proton.Event.LINK_REMOTE_DETACH: "link",
    proton.Event.SESSION_REMOTE_CLOSE: "session",
    proton.Event.CONNECTION_REMOTE_CLOSE: "connection",
    proton.Event.TRANSPORT_ERROR: "transport",
}
"""The event that something has ended -> what has."""
