"""The table of warnings."""

import pytest

from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.health import ALERTS, REMEDIES, AlertCode, Severity, radio_at_fault, what_to_do
from gatewayd.errors import Reason


def test_every_alert_has_a_row() -> None:
    """And every row an alert."""
    assert set(ALERTS) == set(AlertCode)


@pytest.mark.parametrize("code", AlertCode)
def test_an_alert_says_what_is_wrong_where_and_what_to_do(code: AlertCode) -> None:
    """With its subject in the text, and no brace left over."""
    alert = raised(code, "front-door")
    assert "front-door" in alert.text
    assert not set("{}") & set(alert.text + alert.what_to_do)
    assert alert.what_to_do
    assert alert.severity is ALERTS[code].severity


@pytest.mark.parametrize("code", AlertCode)
def test_the_end_of_an_alert_bears_its_words(code: AlertCode) -> None:
    """So that the cloud can match the two."""
    up, down = raised(code, "front-door"), cleared(code, "front-door")
    assert (up.code, up.subject, up.text) == (down.code, down.subject, down.text)
    assert (up.type, down.type) == ("alert.raised", "alert.cleared")


@pytest.mark.parametrize("reason", REMEDIES)
def test_an_alert_says_what_helps_against_its_reason(reason: Reason) -> None:
    """S1-18: besides what helps against the alert itself."""
    plain = ALERTS[AlertCode.CODE_UNSET].what_to_do
    alert = raised(AlertCode.CODE_UNSET, "front-door", reason)
    assert alert.what_to_do == f"{plain}; {REMEDIES[reason]}"
    assert alert.reason is reason
    assert alert.fallback_note is None


def test_an_alert_bears_what_helps_at_its_door() -> None:
    """S0-7: as the site says."""
    alert = raised(AlertCode.CODE_UNSET, "front-door", None, "spare keys in the lockbox")
    assert alert.fallback_note == "spare keys in the lockbox"


def test_a_reason_without_a_remedy_leaves_what_the_alert_says() -> None:
    """As none does."""
    plain = ALERTS[AlertCode.CODE_UNSET].what_to_do
    for reason in Reason:
        if reason not in REMEDIES:
            assert what_to_do(AlertCode.CODE_UNSET, reason) == plain
    assert what_to_do(AlertCode.CODE_UNSET, None) == plain


def test_a_code_that_still_opens_is_as_severe_as_can_be() -> None:
    """Suffering 16."""
    assert ALERTS[AlertCode.REMOVAL_FAILED].severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("silent", "of", "fault"),
    [(0, 3, False), (1, 1, False), (1, 2, False), (2, 2, True), (2, 4, True), (2, 5, False)],
)
def test_several_silent_locks_point_at_the_hub(silent: int, of: int, fault: bool) -> None:
    """S1-25: one alone does not."""
    assert radio_at_fault(silent, of) is fault
    assert "hub" in ALERTS[AlertCode.LOCKS_OFFLINE].what_to_do
