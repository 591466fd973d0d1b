"""Which reservations a batch does something for."""

import pytest

from gatewayd.domain.batch import Mode
from gatewayd.errors import Reason


@pytest.mark.parametrize(
    ("live", "held", "missing", "all_", "resync"),
    [
        (True, None, False, True, True),
        (True, Reason.NOT_DUE, False, True, True),
        (False, Reason.NOT_DUE, True, True, False),
        (False, Reason.AWAITING_CHECK_IN, True, True, False),
        (False, Reason.PHONE_MISSING, True, True, False),
        (False, Reason.MAPPING_UNKNOWN, False, False, False),
        (False, None, False, False, False),  # over, or taken away
    ],
)
def test_a_batch_is_for_those_that_have_a_code_or_could(
    live: bool, held: Reason | None, missing: bool, all_: bool, resync: bool
) -> None:
    """S2-14"""
    concerned = [mode.concerns(live=live, held=held) for mode in Mode]
    assert concerned == [missing, all_, resync]
