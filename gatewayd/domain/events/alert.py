"""Something needs a person, or no longer does."""

from dataclasses import dataclass
from typing import ClassVar

from gatewayd.domain.health import ALERTS, AlertCode, Severity


@dataclass(frozen=True, slots=True)
class AlertRaised:
    """Something needs a person."""

    type: ClassVar[str] = "alert.raised"
    code: AlertCode
    severity: Severity
    subject: str
    text: str
    what_to_do: str


@dataclass(frozen=True, slots=True)
class AlertCleared:
    """It no longer does."""

    type: ClassVar[str] = "alert.cleared"
    code: AlertCode
    severity: Severity
    subject: str
    text: str
    what_to_do: str


def raised(code: AlertCode, subject: str) -> AlertRaised:
    """The alert in the words of the table."""
    kind = ALERTS[code]
    return AlertRaised(
        code, kind.severity, subject, kind.text.format(subject=subject), kind.what_to_do
    )


def cleared(code: AlertCode, subject: str) -> AlertCleared:
    """The end of the same alert."""
    kind = ALERTS[code]
    return AlertCleared(
        code, kind.severity, subject, kind.text.format(subject=subject), kind.what_to_do
    )
