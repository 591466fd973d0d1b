"""How codes are made and timed: the narrower wins."""

from dataclasses import fields
from datetime import timedelta

import pytest

from gatewayd.domain.policy import LabelFrom, Level, PinSource, Policy, deciding, narrow


def test_the_defaults_are_those_decided() -> None:
    """S1-3, S2-3, S2-6: an hour of grace, random codes of the form that fits every lock."""
    policy = Policy()
    assert policy.grace_before == policy.grace_after == timedelta(hours=1)
    assert not policy.grace_all_day
    assert policy.pin_source is PinSource.RANDOM
    assert policy.pin_length is None


def test_the_lead_is_by_what_the_lock_can_do() -> None:
    """S1-7: 72 hours where the lock holds the window, ten minutes where the hub does."""
    assert Policy().lead(lock_timed=True) == timedelta(hours=72)
    assert Policy().lead(lock_timed=False) == timedelta(minutes=10)


@pytest.mark.parametrize(
    ("segment", "digits", "shown"),
    [
        (3, "123456789", "123-456-789"),
        (3, "1234567890", "123-456-789-0"),
        (2, "0042", "00-42"),
        (4, "0042", "0042"),
        (9, "0042", "0042"),
        (1, "0042", "0-0-4-2"),
        (None, "123456", "123456"),
    ],
)
def test_a_code_is_shown_in_segments(segment: int | None, digits: str, shown: str) -> None:
    """S2-10: from the left, none of its digits lost."""
    assert Policy(segment=segment).display(digits) == shown


def test_where_a_battery_is_low_a_code_is_written_twice_as_early() -> None:
    """S1-25"""
    assert Policy().lead(lock_timed=True) == timedelta(hours=72)
    assert Policy().lead(lock_timed=True, early=True) == timedelta(hours=144)
    assert Policy(write_lead=timedelta(hours=5)).lead(lock_timed=True, early=True) == timedelta(
        hours=10
    )


@pytest.mark.parametrize("lead", [timedelta(), timedelta(hours=2)])
def test_a_lead_that_is_set_is_kept(lead: timedelta) -> None:
    """S1-7: zero is a setting as well."""
    assert Policy(write_lead=lead).lead(lock_timed=True) == lead
    assert Policy(write_lead=lead).lead(lock_timed=False) == lead


def test_the_narrower_patch_wins_field_by_field() -> None:
    """Site, property, reservation; what is not named is left to the wider one."""
    site = {"pin_length": 5, "grace_before": timedelta(hours=2)}
    got = narrow(site, {"pin_length": 6}, {"grace_after": timedelta()})
    assert got == Policy(pin_length=6, grace_before=timedelta(hours=2), grace_after=timedelta())


def test_each_setting_has_the_narrowest_level_that_sets_it() -> None:
    """The rest are defaults."""
    found = deciding(
        {
            Level.SITE: {"pin_length": 5, "label": LabelFrom.NAME},
            Level.PROPERTY: {"pin_length": 6},
            Level.KEY: {"grace_after": timedelta()},
        }
    )
    assert found.keys() == {field.name for field in fields(Policy)}
    set_ = {name: level for name, level in found.items() if level is not Level.DEFAULT}
    assert set_ == {
        "pin_length": Level.PROPERTY,
        "label": Level.SITE,
        "grace_after": Level.KEY,
    }


def test_nothing_set_is_the_default() -> None:
    """At any number of levels."""
    assert narrow() == narrow({}, {}) == Policy()
