"""The options that an installed strategy declares for its targets."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from glance_notify_middleware.config.option import Lines, Option, OptionError, value_of


def values_of(target: str, texts: Lines, declared: Sequence[Option]) -> Mapping[str, Any]:
    """The value of each option that is `declared`; `texts` are those of the target's own lines, by
    option. Raises OptionError for a text of no declared option, and for one that is wrong."""
    known = {f"{target}.{option.name}": option for option in declared}
    lines = {f"{target}.{name}": text for name, text in texts.items()}
    for line in lines.keys() - known.keys():
        close = difflib.get_close_matches(line, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"its options are: {', '.join(known)}"
        raise OptionError(f"option {line} of the notify filter is not known; {hint}", (line,))
    return {
        option.name: value_of(replace(option, name=line), lines) for line, option in known.items()
    }
