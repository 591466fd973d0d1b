"""Errors, by what the caller must do."""

import pytest

from gatewayd.errors import (
    ConfigError,
    GatewaydError,
    LockError,
    OutcomeUnknown,
    RadioDown,
    Reason,
    Refused,
    Rejected,
    StoreError,
    UnknownSubject,
    Unreachable,
    Unsupported,
)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Unreachable, Reason.LOCK_UNREACHABLE),
        (RadioDown, Reason.RADIO_DOWN),
        (Refused, Reason.REFUSED),
        (Unsupported, Reason.INVALID_FIELD),
        (OutcomeUnknown, Reason.UNKNOWN_OUTCOME),
    ],
)
def test_an_error_at_a_lock_has_a_reason(kind: type[LockError], reason: Reason) -> None:
    """Its own, unless the driver knows better; S1-18."""
    assert kind("no answer").reason is reason
    assert kind("flat", Reason.BATTERY_DEAD).reason is Reason.BATTERY_DEAD
    assert kind("again").reason is reason


def test_everything_raised_on_purpose_has_one_root() -> None:
    """Anything else is a bug and falls."""
    for kind in (ConfigError, Rejected, StoreError, LockError, UnknownSubject):
        assert issubclass(kind, GatewaydError)


def test_a_rejection_names_its_reason_and_the_field_at_fault() -> None:
    """For the sender."""
    bad = Rejected(Reason.INVALID_FIELD, "not a date", path="data.arrival", retryable=True)
    assert (bad.reason, bad.path, bad.retryable) == (Reason.INVALID_FIELD, "data.arrival", True)
    assert str(bad) == bad.message == "not a date"
