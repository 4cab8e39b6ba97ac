"""Targets, and when a measured number misses one by so much that a submission must not pass."""

from dataclasses import dataclass

GROSS = 3.0
"""A ratio that misses its target by more than this factor is a defect, and no noise."""


@dataclass(frozen=True)
class Target:
    """A number that was measured, and its bound."""

    text: str
    """What the number is, in words."""
    measured: float
    bound: float
    unit: str = ""
    """Empty for a ratio or a count. A number with a unit depends on the machine: three times as
    long is no defect on one that is three times as slow."""
    at_least: bool = False
    """Whether the bound is the least that is good; otherwise it is the most."""
    why: str = ""
    """Why it is missed, where it is missed: what was measured, and what was tried."""

    @property
    def miss(self) -> float:
        """The factor by which the bound is missed; 1 or less if it is kept."""
        worse, better = (
            (self.bound, self.measured) if self.at_least else (self.measured, self.bound)
        )
        if worse <= 0:
            return 0.0
        return worse / better if better > 0 else float("inf")

    @property
    def is_met(self) -> bool:
        return self.miss <= 1

    @property
    def is_missed_grossly(self) -> bool:
        return not self.unit and self.miss > GROSS

    def row(self) -> tuple[str, str, str, str]:
        """The row of a table: text, measured, bound, and whether it is met."""
        sign = "at least" if self.at_least else "at most"
        unit = f" {self.unit}" if self.unit else ""
        return (
            self.text,
            f"{_number(self.measured)}{unit}",
            f"{sign} {_number(self.bound)}{unit}",
            "yes" if self.is_met else "no",
        )


def gross(targets: list[Target]) -> list[str]:
    """A line for each target that is missed grossly."""
    return [
        f"{text}: {measured}, and {bound} was wanted"
        for text, measured, bound, _ in (each.row() for each in targets if each.is_missed_grossly)
    ]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
