"""Something needs a person, or no longer does."""

from dataclasses import dataclass
from typing import ClassVar

from gatewayd.domain.health import ALERTS, AlertCode, Severity, what_to_do
from gatewayd.errors import Reason


@dataclass(frozen=True, slots=True)
class AlertRaised:
    """Something needs a person; `fallback_note`: what helps at that door, as the site says; `why`:
    the first thing in the way of a guest's code, as the hub would tell who asks it now."""

    type: ClassVar[str] = "alert.raised"
    code: AlertCode
    severity: Severity
    subject: str
    text: str
    what_to_do: str
    reason: Reason | None = None
    fallback_note: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class AlertCleared:
    """It no longer does."""

    type: ClassVar[str] = "alert.cleared"
    code: AlertCode
    severity: Severity
    subject: str
    text: str
    what_to_do: str


def raised(
    code: AlertCode,
    subject: str,
    reason: Reason | None = None,
    fallback_note: str | None = None,
    why: str | None = None,
) -> AlertRaised:
    """The alert in the words of the table."""
    kind = ALERTS[code]
    text, remedy = kind.text.format(subject=subject), what_to_do(code, reason)
    return AlertRaised(code, kind.severity, subject, text, remedy, reason, fallback_note, why)


def cleared(code: AlertCode, subject: str) -> AlertCleared:
    """The end of the same alert."""
    kind = ALERTS[code]
    return AlertCleared(
        code, kind.severity, subject, kind.text.format(subject=subject), kind.what_to_do
    )
