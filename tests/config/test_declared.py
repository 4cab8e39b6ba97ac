"""The options that an installed strategy declares."""

import pytest

from glance_notify_middleware.config import OptionError
from glance_notify_middleware.config.declared import values_of
from glance_notify_middleware.config.kinds import PORT, SOMETHING
from glance_notify_middleware.config.option import Option

DECLARED = (
    Option("loft", "1", PORT, "Where it lands."),
    Option("seed", "corn", SOMETHING, "What it is given.", secret=True),
)


def test_every_declared_option_has_the_value_of_its_line_or_of_its_default() -> None:
    assert values_of("p", {"loft": "7"}, DECLARED) == {"loft": 7, "seed": "corn"}
    assert values_of("p", {}, DECLARED) == {"loft": 1, "seed": "corn"}


@pytest.mark.parametrize(
    ("texts", "error"),
    [
        ({"loft": "pa55"}, "option p.loft of the notify filter: 'pa55' is not valid; expected a"),
        ({"lofts": "1"}, "option p.lofts of the notify filter is not known; did you mean p.loft?"),
        ({"x": "1"}, "option p.x of the notify filter is not known; its options are: p.loft, p."),
    ],
)
def test_wrong_line_is_an_error_that_names_target_and_option(
    texts: dict[str, str], error: str
) -> None:
    with pytest.raises(OptionError) as raised:
        values_of("p", texts, DECLARED)
    assert str(raised.value).startswith(error)
    assert raised.value.options == (f"p.{next(iter(texts))}",)


def test_secret_of_a_declared_option_is_not_in_the_error() -> None:
    with pytest.raises(OptionError) as raised:
        values_of("p", {"seed": "pa55\nword"}, DECLARED)
    assert "pa55" not in f"{raised.value!r} {raised.value.__context__!r}"
