"""What a create costs while the broker is up, closed or silent, and what becomes of its event."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from bench import page
from bench.contestants import CEILOMETER, EXTERNAL, NOTIFIER, THREAD, Place
from bench.in_process import BLOCK
from bench.losses import MESSAGES
from bench.stage import Program, Stage, relay, result_of
from bench.statistics import Added
from bench.targets import Target

UP, CLOSED, SILENT = "up", "closed", "silent"
STATES = (UP, CLOSED, SILENT)
OURS = (EXTERNAL, THREAD)
OTHERS = (CEILOMETER, NOTIFIER)
PATIENCE = 15.0
"""Seconds that the first create of a blocking notifier is waited for."""


@dataclass(frozen=True)
class FirstAnswer:
    """How a blocking notifier plays its first create."""

    answer: str
    """How long the answer took, in words."""
    messages: int
    """Messages of it that came in the end."""


FirstAnswers = dict[tuple[str, str], FirstAnswer]
"""By contestant and state."""
MOST_GROWTH = 5.0
"""MiB."""


@dataclass(frozen=True)
class Creates:
    """What was measured of the filter in one state of the broker."""

    added: Added
    grown: float
    """MiB by which the private memory of the process grew."""
    played: int
    """Creates, of which each has one message."""
    lost: int
    """Messages that did not come when the broker was up again."""


Found = dict[tuple[str, str], Creates]
"""By contestant and state."""


def measure(stage: Stage, creates: int) -> Found:
    """Measure each state with so many creates."""
    return {
        (name, state): _measure(stage, name, state, creates // BLOCK)
        for state in STATES
        for name in OURS
    }


def _measure(stage: Stage, name: str, state: str, blocks: int) -> Creates:
    played = (blocks + 2) * BLOCK  # with the two blocks before those that count
    with stage.placed() as place:
        with _broker(stage, state), _relay_of(name, place):
            job = {"contestants": [name], "requests": ["create"]}
            result = result_of("in_process", place, **job, seconds=0.0, least=blocks)
        with relay(place):
            lost = played - len(stage.ids_in(place, played, 40.0))
    return Creates(Added(**result["added"][name]["create"]), result["grown"], played, lost)


def first_answers(stage: Stage) -> FirstAnswers:
    """Measure the blocking notifiers."""
    return {
        (name, state): _first_answer(stage, name, state)
        for state in (CLOSED, SILENT)
        for name in OTHERS
    }


def _first_answer(stage: Stage, name: str, state: str) -> FirstAnswer:
    with (
        stage.placed() as place,
        Program("creating", place, contestant=name, count=1, warm_up=0) as program,
    ):
        program.read()
        with _broker(stage, state):
            program.go()
            is_answered = program.has_written(PATIENCE)
            answer = f"{program.read()[0] / 1e6:.2f} s" if is_answered else "none"
        messages = len(stage.ids_in(place, MESSAGES.get(name, 1), 5.0))
        program.process.kill()
    return FirstAnswer(answer, messages)


@contextlib.contextmanager
def _broker(stage: Stage, state: str) -> Iterator[None]:
    """The broker in a state; it is up again on exit."""
    if state == CLOSED:
        stage.rabbit.stop()
    if state == SILENT:
        stage.rabbit.freeze()
    try:
        yield
    finally:
        if state == CLOSED:
            stage.rabbit.start()
        if state == SILENT:
            stage.rabbit.thaw()


def _relay_of(name: str, place: Place) -> contextlib.AbstractContextManager[object]:
    return relay(place) if name == EXTERNAL else contextlib.nullcontext()


def targets(found: Found) -> list[Target]:
    """What is wanted of the filter with a relay of its own, and of both where nothing is lost."""
    up = found[EXTERNAL, UP].added.median
    return [
        *(
            Target(
                f"create, broker {state}, by broker up",
                found[EXTERNAL, state].added.median / up,
                1.1,
            )
            for state in (CLOSED, SILENT)
        ),
        *(
            Target(f"lost of {each.played:,}, broker {state}, {name}", each.lost, 0)
            for (name, state), each in found.items()
        ),
        *(
            Target(f"memory growth, broker {state}, {name}", each.grown, MOST_GROWTH, "MiB")
            for (name, state), each in found.items()
        ),
    ]


def publish(found: Found, answers: FirstAnswers) -> None:
    """Write the page `docs/measured/broker-away.md`."""
    page.publish(
        "broker-away",
        "What a create costs while the broker is away",
        "Creates at the bare application of [cost](cost.md), measured as there, while RabbitMQ is "
        "up, stopped (its port is closed), or frozen by SIGSTOP (its port accepts, and nobody "
        "answers). With `relay = external` a relay runs beside the process, with `relay = thread` "
        "in it. Then RabbitMQ is up again, and what does not come then is lost. Memory is RssAnon "
        "of the process, from the first block of creates to the last.",
        page.targets(targets(found)),
        page.table(
            (
                *("filter", "broker", "median (µs)", "p99 (µs)", "memory growth (MiB)"),
                *("creates", "lost"),
            ),
            [
                (
                    *(name, state, f"{each.added.median:,.1f}", f"{each.added.p99:,.1f}"),
                    *(f"{each.grown:.1f}", f"{each.played:,}", f"{each.lost:,}"),
                )
                for (name, state), each in found.items()
            ],
        ),
        "Blocking notifiers of oslo.messaging, with its defaults, in the same states, from the "
        f"start of the process on. Their first create is waited for during {PATIENCE:.0f} seconds; "
        "then the broker is up again.",
        page.table(
            ("notifier", "broker", "answer to the first create after", "messages", "that came"),
            [
                (*(name, state, each.answer), str(MESSAGES.get(name, 1)), str(each.messages))
                for (name, state), each in answers.items()
            ],
        ),
    )
