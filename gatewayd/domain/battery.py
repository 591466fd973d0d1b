"""Batteries: when they are low, when nothing is heard any more, and how long they will last."""

from collections.abc import Sequence
from datetime import date, timedelta
from statistics import StatisticsError, linear_regression

LOW, CRITICAL = 20, 10
"""Percent below which a battery counts as such; many locks warn by themselves, and sooner."""
SILENT = timedelta(days=7)
"""So long after the last word of a lock nobody knows its battery any more."""

REPLACED = 10
"""A rise by so many percent is a new battery; what came before says nothing of it."""
FEWEST, SPAN = 3, timedelta(days=7)
"""So many levels over so long make a forecast."""
FARTHEST = 730
"""Days beyond which a forecast says nothing."""


def is_low(level: int | None, *, warned: bool) -> bool:
    """Whether it is to be replaced; `warned`: the lock says so."""
    return warned or (level is not None and level < LOW)


def days_left(levels: Sequence[tuple[date, int]]) -> int | None:
    """Days until a battery is empty, from one level a day, oldest first; a straight line."""
    start = max(
        (i for i in range(1, len(levels)) if _replaced(levels[i - 1], levels[i])), default=0
    )
    now = levels[start:]
    if len(now) < FEWEST or now[-1][0] - now[0][0] < SPAN:
        return None
    days = [(day - now[-1][0]).days for day, _ in now]
    try:
        slope, last = linear_regression(days, [level for _, level in now])
    except StatisticsError:
        return None
    if last >= -slope * FARTHEST:  # also where it does not fall
        return None
    return max(0, int(last / -slope))


def _replaced(before: tuple[date, int], after: tuple[date, int]) -> bool:
    return after[1] - before[1] >= REPLACED
