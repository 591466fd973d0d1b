"""What zwave-js says when a call fails, and what it means for the slot."""

import pytest

from gatewayd.errors import LockError, OutcomeUnknown, Unreachable, Unsupported
from gatewayd.locks.zwave.radio import failure


@pytest.mark.parametrize(
    ("number", "means"),
    [
        (202, Unreachable),  # Controller_MessageDropped: the air is jammed
        (204, Unreachable),  # Controller_CallbackNOK
        (302, Unsupported),  # CC_NotSupported
        (322, Unsupported),  # Argument_Invalid
        (101, OutcomeUnknown),  # Driver_Reset
        (206, OutcomeUnknown),  # Controller_Reset
        (215, OutcomeUnknown),  # Controller_MessageExpired
        (1405, OutcomeUnknown),  # Security2CC_CannotDecode
        (9999, OutcomeUnknown),  # one that is new
    ],
)
def test_only_what_will_never_go_is_unsupported(number: int, means: type[LockError]) -> None:
    error = failure(number)
    assert isinstance(error, means)
    assert f"ZW{number:04}" in str(error)
