"""`python -m demo` plays the story and exits 0 when every notification came that must come;
`python -m demo rabbit` plays it with a RabbitMQ that is killed in the middle; `python -m demo qpid`
does that by AMQP 1.0; `python -m demo serve` leaves the first Glance running and follows its
notifications."""

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
from demo.follow import Follower, Notification, describe, paint
from demo.glance import Server
from demo.keystone import ALICE, BOB, CAROL, Keystone
from demo.queue import QueueFollower
from demo.rabbit import Rabbit, missing
from demo.story import Broker, Stage, Step, life


def main(arguments: list[str]) -> int:
    """Run one of them; returns the exit status."""
    if arguments not in ([], ["serve"], *([broker] for broker in _BROKERS)):
        known = " or ".join(_BROKERS)
        print(f"BROKER is {known}, or is not given; it is {' '.join(arguments)!r}")
        return 2
    broker = _BROKERS.get(arguments[0]) if arguments else None
    for ending in (signal.SIGTERM, signal.SIGHUP):  # SIGHUP: the terminal was closed
        signal.signal(ending, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="glance-demo-") as folder:
        what = "Glance" if broker is None else "RabbitMQ, and Glance"
        print(f"Starting {what} under uWSGI, two processes ...", flush=True)
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
        except BrokenPipeError:  # whoever read our output has gone
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1


Section = Callable[[int, Path], str]

_BROKERS: dict[str, tuple[Section, list[str]]] = {
    "rabbit": (glance.rabbit_section, []),
    "qpid": (glance.qpid_section, ["rabbitmq_amqp1_0"]),
}
"""For each strategy: its section of the paste file, and the plugins that RabbitMQ needs for it."""


def play_with_broker(folder: Path, make_section: Section, plugins: list[str]) -> int:
    """The story with a private RabbitMQ, which is dead for some steps in the middle of it."""
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
    """Play the story, step by step; what is told while the broker is dead must come afterwards."""
    print("Its paste file is the stock one, with `notify` after `context`, and this section:")
    print(paint(section.rstrip(), "dim"))
    stage = Stage(server, keystone)
    told: list[Notification] = []
    faults: list[str] = []
    late: list[tuple[int, Step]] = []  # whose notifications wait for the broker
    for number, step in enumerate(life(), 1):
        if rabbit is not None and step.broker is Broker.DIES:
            print(paint("\n    The broker is killed, with -9.", "ERROR"))
            rabbit.kill()
        status = step.play(stage)
        print(f"\n{number:>2}. {step.who.name} {step.what}  {paint(status, 'dim')}", flush=True)
        late.append((number, step))
        if rabbit is not None and step.broker in (Broker.DIES, Broker.IS_DEAD):
            continue
        if rabbit is not None and step.broker is Broker.COMES_BACK:
            print(paint("\n    The broker is started again; what waited comes now.", "INFO"))
            rabbit.start()
        new = follower.wait(sum(len(each.tells) for _, each in late))
        for notification in new:
            print(f"      {describe(notification)}")
        told += new
        for of, each in late:
            count = len(each.tells)
            faults += [f"step {of}: {fault}" for fault in _faults(each, stage, new[:count])]
            new = new[count:]
        faults += [f"unexpected: {describe(notification)}" for notification in new]
        late.clear()
    time.sleep(1)
    faults += [f"unexpected: {describe(notification)}" for notification in follower.new()]
    _count(told)
    _show_one(told)
    for fault in faults:
        print(paint(fault, "ERROR"))
    if not faults:
        print(paint("Every expected notification came, once, and no other.", "INFO"))
        print("Next: `make serve`; and the README's four lines, for your own Glance.")
    return 1 if faults else 0


def _faults(step: Step, stage: Stage, new: list[Notification]) -> list[str]:
    """What is wrong with the notifications that came of a step."""
    came = [f"{notification['event_type']} {notification['priority']}" for notification in new]
    if came != list(step.tells):
        return [f"expected {', '.join(step.tells)}; came {', '.join(came) or 'nothing'}"]
    if step.bytes_sent is None:
        return []
    payload = new[0]["payload"]
    faults = []
    if not step.bytes_sent(stage, payload["bytes_sent"]):
        faults.append(f"bytes_sent is {payload['bytes_sent']}, {stage.bytes_read} were read")
    if payload["receiver_user_id"] != step.who.user_id:
        faults.append(f"receiver_user_id is not {step.who.name}'s")
    return faults


def _count(told: list[Notification]) -> None:
    counts = Counter((each["event_type"], each["priority"]) for each in told)
    priorities = ("INFO", "WARN", "ERROR")
    print(f"\n{'':<22}" + "".join(f"{priority:>7}" for priority in priorities))
    for event_type in sorted({event_type for event_type, _ in counts}):
        row = "".join(f"{counts[event_type, priority] or '':>7}" for priority in priorities)
        print(f"{event_type:<22}{row}")
    print()


def _show_one(told: list[Notification]) -> None:
    sent = next((each for each in told if each["event_type"] == "image.send"), None)
    if sent is not None:
        print("One of them, as it came:")
        print(paint(json.dumps(sent, indent=2), "dim") + "\n")


def serve(server: Server, keystone: Keystone) -> int:
    """Follow the notifications until Ctrl-C."""
    print("\nGlance is up. Three people have tokens:\n")
    for person in (ALICE, BOB, CAROL):
        print(f"  {person.name.upper()}={keystone.token(person)}   # project {person.project_id}")
    print(f"""  GLANCE={server.url}   # its log: {server.log}

Paste these lines into another terminal, then for instance:

  IMAGE=$(curl -s $GLANCE/v2/images -H "X-Auth-Token: $ALICE" -H 'Content-Type: application/json' \\
    -d '{{"name": "demo", "disk_format": "raw", "container_format": "bare"}}' \\
    | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
  head -c 10000000 /dev/urandom | curl -s -X PUT -T - $GLANCE/v2/images/$IMAGE/file \\
    -H "X-Auth-Token: $ALICE" -H 'Content-Type: application/octet-stream'
  curl -s $GLANCE/v2/images/$IMAGE/file -H "X-Auth-Token: $ALICE" -o /dev/null
  curl -s $GLANCE/v2/images/$IMAGE/file -H "X-Auth-Token: $CAROL"
  curl -s -X DELETE $GLANCE/v2/images/$IMAGE -H "X-Auth-Token: $ALICE"

Notifications, as they come (Ctrl-C ends it):
""")
    follower = Follower(server.log)
    while True:
        for notification in follower.new():
            print(f"{notification['timestamp'][11:19]}  {describe(notification)}", flush=True)
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
