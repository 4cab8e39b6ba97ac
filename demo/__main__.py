"""The demo: the life of an image on a real Glance.

`python -m demo` plays it, and exits 0 when every expected notification came. `python -m demo
rabbit` plays it with a RabbitMQ that is killed in the middle; `python -m demo qpid` does the same
over AMQP 1.0. `python -m demo serve` starts a Glance and shows its notifications until Ctrl-C.
"""

import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from demo import glance
from demo.glance import Server
from demo.keystone import ALICE, BOB, CAROL, Keystone
from demo.log_follower import Follower, Notification, describe, paint
from demo.queue_follower import QueueFollower
from demo.rabbit import Rabbit, missing
from demo.story import Broker, Step, StoryState, life


def main(arguments: list[str]) -> int:
    """Run what `arguments` name; returns the exit status."""
    if arguments not in ([], ["serve"], *([broker] for broker in _BROKERS)):
        known = " or ".join(_BROKERS)
        print(f"BROKER must be {known}, or not be given, but is {' '.join(arguments)!r}")
        return 2
    broker = _BROKERS.get(arguments[0]) if arguments else None
    for ending in (signal.SIGTERM, signal.SIGHUP):  # SIGHUP: the terminal was closed
        signal.signal(ending, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="glance-demo-") as folder:
        servers = "Glance" if broker is None else "RabbitMQ, and Glance"
        print(f"Starting {servers} under uWSGI, two processes ...", flush=True)
        try:
            if broker is not None:
                return play_with_broker(Path(folder), *broker)
            with glance.running(Path(folder)) as (server, keystone):
                if arguments == ["serve"]:
                    return serve(server, keystone)
                return play(server, keystone, glance.NOTIFY_SECTION, Follower(server.log))
        except KeyboardInterrupt:
            with contextlib.suppress(OSError):
                print("\nEnded.")
            return 0 if arguments == ["serve"] else 130
        except BrokenPipeError:  # the reader of the output has gone
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1


Section = Callable[[int, Path], str]

_BROKERS: dict[str, tuple[Section, list[str]]] = {
    "rabbit": (glance.rabbit_section, []),
    "qpid": (glance.qpid_section, ["rabbitmq_amqp1_0"]),
}
"""For each strategy: what makes its section of the paste file, and the plugins that RabbitMQ
needs."""


def play_with_broker(folder: Path, make_section: Section, plugins: list[str]) -> int:
    """Play with a RabbitMQ of the demo's own, which is dead for some steps in the middle.

    Returns the exit status.
    """
    if (problem := missing()) is not None:
        print(problem)
        return 1
    (folder / "rabbit").mkdir()
    with Rabbit(folder / "rabbit", plugins=plugins) as rabbit:
        section = make_section(rabbit.port, folder / "journal")
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
    if step.bytes_sent is None:
        return []
    payload = new[0]["payload"]
    faults = []
    if not step.bytes_sent(state, payload["bytes_sent"]):
        faults.append(f"bytes_sent is {payload['bytes_sent']}, the client read {state.bytes_read}")
    if payload["receiver_user_id"] != step.who.user_id:
        faults.append(f"receiver_user_id is not {step.who.name}'s")
    return faults


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


def serve(server: Server, keystone: Keystone) -> int:
    """Show the notifications as they come, until Ctrl-C."""
    print("\nGlance is up. Three users have tokens:\n")
    for person in (ALICE, BOB, CAROL):
        print(f"  {person.name.upper()}={keystone.token(person)}   # project {person.project_id}")
    print(f"""  GLANCE={server.url}   # its log: {server.log}

Paste these lines into another terminal, and then for instance these:

  IMAGE=$(curl -s $GLANCE/v2/images -H "X-Auth-Token: $ALICE" -H 'Content-Type: application/json' \\
    -d '{{"name": "demo", "disk_format": "raw", "container_format": "bare"}}' \\
    | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
  head -c 10000000 /dev/urandom | curl -s -X PUT -T - $GLANCE/v2/images/$IMAGE/file \\
    -H "X-Auth-Token: $ALICE" -H 'Content-Type: application/octet-stream'
  curl -s $GLANCE/v2/images/$IMAGE/file -H "X-Auth-Token: $ALICE" -o /dev/null
  curl -s $GLANCE/v2/images/$IMAGE/file -H "X-Auth-Token: $CAROL"
  curl -s -X DELETE $GLANCE/v2/images/$IMAGE -H "X-Auth-Token: $ALICE"

Notifications, as they come (Ctrl-C ends Glance):
""")
    follower = Follower(server.log)
    while True:
        for notification in follower.new():
            print(f"{notification['timestamp'][11:19]}  {describe(notification)}", flush=True)
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
