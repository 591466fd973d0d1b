"""What a lock can do."""

import pytest

from gatewayd.domain.capabilities import NUKI, Capabilities, of_kind


def test_an_unknown_lock_holds_a_hundred_codes() -> None:
    """S1-19."""
    assert Capabilities().slots == 100


@pytest.mark.parametrize(
    ("driver", "able"),
    [("nuki", NUKI), ("zwave", Capabilities()), ("another", Capabilities())],
)
def test_what_is_sure_of_a_lock_that_was_never_reached(driver: str, able: Capabilities) -> None:
    """S1-7: from it depends how long before its window a code is written."""
    assert of_kind(driver) == able


@pytest.mark.parametrize(
    ("able", "lock_timed"),
    [
        (Capabilities(), False),
        (Capabilities(enforces_windows=True), True),
        (Capabilities(can_disable=True), True),
    ],
)
def test_a_code_may_lie_ahead_where_it_does_not_open(able: Capabilities, lock_timed: bool) -> None:
    """S1-7: the lock enforces the window, or can hold the code disabled."""
    assert able.lock_timed is lock_timed
