"""Medians, spreads and ratios of what was measured in turns."""

from __future__ import annotations

import statistics
from typing import Sequence


def summary(values: Sequence[float]) -> dict:
    """The median, the least, the greatest, and the spread: half the distance of the quartiles over the median."""
    ordered = sorted(values)
    median = statistics.median(ordered)
    low, high = quartile(ordered, 0.25), quartile(ordered, 0.75)
    return {
        "median": median, "minimum": ordered[0], "maximum": ordered[-1],
        "spread": (high - low) / 2 / median if median else 0.0,
    }


def quartile(ordered: Sequence[float], part: float) -> float:
    """The value below which a part of the sorted values lies, between two of them in proportion."""
    place = part * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """The median of the ratios taken round by round: what disturbs a round meets both of its values."""
    return statistics.median(a / b for a, b in zip(numerators, denominators))


def fastest(rounds: dict[str, Sequence[float]]) -> str | None:
    """The name with the least median."""
    return min(rounds, key=lambda name: statistics.median(rounds[name]), default=None)


def steps_per_turn(seconds: float, turn: float = 0.4, most: int = 200) -> int:
    """How many steps of so many seconds a program does in its turn."""
    return max(1, min(most, round(turn / seconds)))
