"""The demo: the life of an image on a real Glance.

`python -m demo` plays it, and exits 0 when every expected notification came. `python -m demo
rabbit` plays it with a RabbitMQ that is killed in the middle; `python -m demo qpid` does the same
over AMQP 1.0. `python -m demo --targets=many` plays it with four targets, side by side. `python -m
demo serve` starts a Glance and shows its notifications until Ctrl-C;
`python -m demo serve rabbit` and `... serve qpid` start a RabbitMQ too.
"""

import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from demo import glance
from demo.broker_kinds import BROKERS, BrokerKind
from demo.glance import Server
from demo.keystone import Keystone
from demo.log_follower import Follower, Notification, describe, paint
from demo.many import play_many
from demo.queue_follower import QueueFollower
from demo.rabbit import Rabbit, missing
from demo.serve import serve, served_folder
from demo.story import Broker, Step, StoryState, life

_TARGETS = "--targets="


def main(arguments: list[str]) -> int:
    """Run what `arguments` name; returns the exit status."""
    stays = arguments[:1] == ["serve"]
    words = arguments[1:] if stays else arguments
    targets = [word.removeprefix(_TARGETS) for word in words if word.startswith(_TARGETS)]
    named = [word for word in words if not word.startswith(_TARGETS)]
    if targets and (problem := _problem_of(targets, named, stays=stays)) is not None:
        print(problem)
        return 2
    if len(named) > 1 or (named and named[0] not in BROKERS):
        print(f"BROKER must be {' or '.join(BROKERS)}, or not be given, but is {' '.join(named)!r}")
        return 2
    broker = BROKERS[named[0]] if named else None
    if (broker or targets) and (problem := missing()) is not None:
        print(problem)
        return 1
    for ending in (signal.SIGTERM, signal.SIGHUP):  # SIGHUP: the terminal was closed
        signal.signal(ending, signal.default_int_handler)
    with folder_for(stays=stays) as folder:
        servers = "RabbitMQ, and Glance" if broker or targets else "Glance"
        print(f"Starting {servers} under uWSGI, two processes ...", flush=True)
        try:
            if stays:
                serve(folder, broker)
            if targets:
                return play_many(folder)
            if broker is not None:
                return play_with_broker(folder, broker)
            with glance.running(folder) as (server, keystone):
                return play(server, keystone, glance.NOTIFY_SECTION, Follower(server.log))
        except KeyboardInterrupt:
            with contextlib.suppress(OSError):
                print("\nEnded.")
            return 0 if stays else 130
        except BrokenPipeError:  # the reader of the output has gone
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1


def _problem_of(targets: list[str], named: list[str], *, stays: bool) -> str | None:
    """What is wrong with the use of TARGETS, in a line; None where it is right."""
    if targets != ["many"]:
        return f"TARGETS must be many, or not be given, but is {' '.join(targets)!r}"
    if stays:
        return "TARGETS is for the demo: make demo TARGETS=many"
    if named:
        return "TARGETS=many has a RabbitMQ of its own: it is given without BROKER"
    return None


@contextlib.contextmanager
def folder_for(*, stays: bool) -> Iterator[Path]:
    """The folder for all that is run: that of `make serve`, or one that goes with the demo."""
    if stays:
        with served_folder() as folder:
            yield folder
    else:
        with tempfile.TemporaryDirectory(prefix="glance-demo-") as name:
            yield Path(name)


def play_with_broker(folder: Path, broker: BrokerKind) -> int:
    """Play with a RabbitMQ of the demo's own, which is dead for some steps in the middle.

    Returns the exit status.
    """
    with Rabbit(folder / "rabbit", plugins=broker.plugins) as rabbit:
        section = broker.section(rabbit.port, folder / "journal")
        follower = QueueFollower(rabbit)
        with glance.running(folder, paste=glance.paste_file(section=section)) as (server, keystone):
            status = play(server, keystone, section, follower, rabbit)
            print(f"Delivered a second time, with the same message_id: {follower.repeated}.")
            return status


def play(
    server: Server,
    keystone: Keystone,
    section: str,
    follower: Follower | QueueFollower,
    rabbit: Rabbit | None = None,
) -> int:
    """Play the story step by step, and compare the notifications with the expected ones.

    Notifications of steps without a broker must come once it is back. Returns the exit status.
    """
    print("Its paste file is Glance's own, with `notify` after `context` and this section:")
    print(paint(section.rstrip(), "dim"))
    state = StoryState(server, keystone)
    notifications: list[Notification] = []
    faults: list[str] = []
    waiting: list[tuple[int, Step]] = []  # steps whose notifications wait for the broker
    for number, step in enumerate(life(), 1):
        if rabbit is not None and step.broker is Broker.DIES:
            print(paint("\n    The broker is killed (kill -9).", "ERROR"))
            rabbit.kill()
        status = step.play(state)
        print(f"\n{number:>2}. {step.who.name} {step.action}  {paint(status, 'dim')}", flush=True)
        waiting.append((number, step))
        if rabbit is not None and step.broker in (Broker.DIES, Broker.IS_DEAD):
            continue
        if rabbit is not None and step.broker is Broker.COMES_BACK:
            print(paint("\n    The broker is started again, and receives what waited.", "INFO"))
            rabbit.start()
        new = follower.wait(sum(len(played.expected) for _, played in waiting))
        for notification in new:
            print(f"      {describe(notification)}")
        notifications += new
        for played_number, played in waiting:
            count = len(played.expected)
            found = _faults(played, state, new[:count])
            faults += [f"step {played_number}: {fault}" for fault in found]
            new = new[count:]
        faults += [f"unexpected: {describe(notification)}" for notification in new]
        waiting.clear()
    time.sleep(1)
    faults += [f"unexpected: {describe(notification)}" for notification in follower.new()]
    _show_counts(notifications)
    _show_one(notifications)
    for fault in faults:
        print(paint(fault, "ERROR"))
    if not faults:
        print(paint("Every expected notification came exactly once, and no other came.", "INFO"))
        print(
            "Next: `make serve`, or the README's four lines in the paste file of your own Glance."
        )
    return 1 if faults else 0


def _faults(step: Step, state: StoryState, new: list[Notification]) -> list[str]:
    """What is wrong with the notifications of a step, in a line each."""
    came = [f"{notification['event_type']} {notification['priority']}" for notification in new]
    if came != list(step.expected):
        return [f"expected {', '.join(step.expected)}; came {', '.join(came) or 'nothing'}"]
    return step.faults(state, new[0]["payload"])


def _show_counts(notifications: list[Notification]) -> None:
    counts = Counter(
        (notification["event_type"], notification["priority"]) for notification in notifications
    )
    priorities = ("INFO", "WARN", "ERROR")
    print(f"\n{'':<22}" + "".join(f"{priority:>7}" for priority in priorities))
    for event_type in sorted({event_type for event_type, _ in counts}):
        row = "".join(f"{counts[event_type, priority] or '':>7}" for priority in priorities)
        print(f"{event_type:<22}{row}")
    print()


def _show_one(notifications: list[Notification]) -> None:
    sent = (each for each in notifications if each["event_type"] == "image.send")
    if (one := next(sent, None)) is not None:
        print("One notification, whole:")
        print(paint(json.dumps(one, indent=2), "dim") + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
