"""How long a battery lasts, and when it is low."""

from datetime import date, timedelta

import pytest

from gatewayd.domain.battery import days_left, is_low

DAY = date(2026, 7, 1)


def levels(*pairs: tuple[int, int]) -> list[tuple[date, int]]:
    """Levels by days from the first on."""
    return [(DAY + timedelta(days=day), level) for day, level in pairs]


@pytest.mark.parametrize(
    ("told", "left"),
    [
        ([(0, 90), (5, 85), (10, 80)], 80),  # one a day
        ([(0, 81), (5, 74), (10, 71)], 70),
        ([(0, 90), (7, 90), (14, 90)], None),  # it does not fall
        ([(0, 80), (7, 81), (14, 82)], None),
        ([(0, 90), (10, 80)], None),  # too few
        ([(0, 90), (3, 85), (6, 80)], None),  # of too few days
        ([(0, 90), (3, 85), (7, 80)], 56),
        ([(0, 30), (10, 10), (11, 100), (15, 98), (18, 96)], 169),  # a new one
        ([(0, 30), (10, 10), (11, 100), (15, 98), (17, 97)], None),
        ([(0, 40), (5, 49), (10, 30)], 34),  # a rise that is no new one
        ([(0, 40), (1, 50), (6, 45), (11, 40)], 40),  # one of ten percent is
        ([(0, 9), (1, 99), (6, 94), (11, 89)], 89),  # the day after the first level
        ([(0, 9), (5, 4), (10, 0)], 0),
        ([(0, 100), (200, 99), (400, 98)], None),  # farther than anybody plans
        ([], None),
        ([(0, 50)], None),
    ],
)
def test_a_forecast_is_a_straight_line_through_one_battery(
    told: list[tuple[int, int]], left: int | None
) -> None:
    """In days until it is empty; None while the levels say too little."""
    assert days_left(levels(*told)) == left


@pytest.mark.parametrize(
    ("level", "warned", "low"),
    [(20, False, False), (19, False, True), (90, True, True), (None, False, False)],
)
def test_a_battery_is_low_by_the_locks_word_or_by_its_level(
    level: int | None, warned: bool, low: bool
) -> None:
    """S1-25"""
    assert is_low(level, warned=warned) is low
