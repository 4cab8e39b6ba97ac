"""Strategies that other packages have installed, by their entry points."""

from pathlib import Path
from typing import Any

import pytest

from glance_notify_middleware import config
from glance_notify_middleware.config import OptionError
from glance_notify_middleware.strategies.loading import installed_options, makers

MODULE = """
from glance_notify_middleware.config import OptionError
from glance_notify_middleware.config.kinds import PORT, TEXT
from glance_notify_middleware.config.option import Option

class Pigeon:
    def __init__(self, settings):
        self.publisher = settings.default_publisher_id
        self.is_closed = False
    def close(self):
        self.is_closed = True

def tired(settings):
    raise OptionError("pigeon.conf: the pigeon needs a rest")

def broken(settings):
    raise ValueError(settings.rabbit.hosts[0].password)

def no_strategy(settings):
    return "a pigeon"

NOTHING = None

class Declaring(Pigeon):
    options = (
        Option("loft", "1", PORT, "Where it lands."),
        Option("seed", "", TEXT, "Its pay.", secret=True),
    )
    def __init__(self, settings):
        super().__init__(settings)
        self.own = settings.own_options

class Misdeclaring(Pigeon):
    options = ("loft",)
"""
ENTRY_POINTS = """
[glance_notify_middleware.strategies]
pigeon = carriers:Pigeon
tired = carriers:tired
broken = carriers:broken
no-strategy = carriers:no_strategy
nothing = carriers:NOTHING
declaring = carriers:Declaring
misdeclaring = carriers:Misdeclaring
lost = carriers:Lost
gone = no_such_module:Gone
rabbit = carriers:broken
"""


@pytest.fixture(autouse=True)
def carriers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installs a package of that name, with strategies."""
    (tmp_path / "carriers.py").write_text(MODULE)
    info = tmp_path / "carriers-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: carriers\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)


def settings(strategies: str) -> config.Settings:
    lines = {"notifier_strategy": strategies, "rabbit_password": "pa55word"}
    return config.read(lines, "this-host")


def test_installed_strategy_is_made_with_the_settings_each_time() -> None:
    made = makers(settings("logging, pigeon, rabbit"))
    assert set(made) == {"pigeon", "rabbit"}
    one, two = made["pigeon"](), made["pigeon"]()
    assert one is not two
    for each in (one, two):
        assert vars(each) == {"publisher": "this-host", "is_closed": False}


def test_built_in_strategy_cannot_be_replaced() -> None:
    from glance_notify_middleware.strategies.rabbit.strategy import Rabbit

    assert isinstance(makers(settings("rabbit"))["rabbit"](), Rabbit)


@pytest.mark.parametrize(
    ("name", "start"),
    [
        (
            "pigoen",
            "option notifier_strategy of the notify filter: 'pigoen' is not known; expected noop, "
            "logging, rabbit, qpid, webhook or an installed entry point of "
            "glance_notify_middleware.strategies (broken, declaring, gone, lost, misdeclaring, "
            "no-strategy, nothing, pigeon, rabbit, tired)",
        ),
        ("Pigeon", "option notifier_strategy of the notify filter: 'Pigeon' is not known; "),
        (
            "gone",
            "option notifier_strategy of the notify filter: gone, no_such_module:Gone, cannot be "
            "loaded: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        (
            "lost",
            "option notifier_strategy of the notify filter: lost, carriers:Lost, cannot be "
            "loaded: AttributeError: ",
        ),
        (
            "nothing",
            "option notifier_strategy of the notify filter: nothing, carriers:NOTHING, cannot be "
            "loaded: TypeError: the first argument must be callable",
        ),
        (
            "broken",
            "option notifier_strategy of the notify filter: broken, carriers:broken, cannot be "
            "made: ValueError",
        ),
        (
            "no-strategy",
            "option notifier_strategy of the notify filter: no-strategy, carriers:no_strategy, "
            "cannot be made: AttributeError",
        ),
        ("tired", "pigeon.conf: the pigeon needs a rest"),
    ],
)
def test_installed_strategy_that_is_missing_or_fails_is_a_one_line_error(
    name: str, start: str
) -> None:
    with pytest.raises(OptionError) as raised:
        makers(settings(f"logging, {name}"))
    assert str(raised.value).startswith(start)
    assert "\n" not in str(raised.value)
    assert "pa55word" not in repr(raised.value)
    assert raised.value.__context__ is None or "pa55word" not in repr(raised.value.__context__)


def own_of(**lines: str) -> Any:
    """The own options with which the strategy of a target `dove` is made."""
    given = {f"dove.{name}": text for name, text in lines.items()}
    read = config.read({"notifier_strategy": "dove", **given}, "this-host")
    return vars(makers(read)["dove"]())["own"]


def test_declared_options_have_values_and_defaults() -> None:
    assert own_of(strategy="declaring", seed="corn") == {"loft": 1, "seed": "corn"}
    made = makers(settings("declaring"))["declaring"]()
    assert vars(made)["own"] == {"loft": 1, "seed": ""}
    assert [each.name for each in installed_options()["declaring"]] == ["loft", "seed"]
    assert installed_options()["pigeon"] == ()
    assert "gone" not in installed_options()


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ({"loft": "pa55"}, "option dove.loft of the notify filter: 'pa55' is not valid; expected"),
        ({"lofd": "1"}, "option dove.lofd of the notify filter is not known; did you mean dove.l"),
        ({"strategy": "misdeclaring"}, "option dove.strategy of the notify filter: misdeclaring, "),
        ({"strategy": "pigoen"}, "option dove.strategy of the notify filter: 'pigoen' is not kno"),
    ],
)
def test_wrong_line_of_an_installed_strategy_is_an_error_that_names_it(
    lines: dict[str, str], error: str
) -> None:
    with pytest.raises(OptionError) as raised:
        own_of(**{"strategy": "declaring", **lines})
    assert str(raised.value).startswith(error)
