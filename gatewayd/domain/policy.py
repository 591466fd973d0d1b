"""How codes are made and timed; settable for site, property and lock or key: the narrower wins."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import time, timedelta
from enum import StrEnum

from gatewayd.domain.retry import Retry

HUB_TIMED_LEAD = timedelta(minutes=10)
"""Write lead where the lock itself cannot hold a window (S1-7)."""
LOCK_TIMED_LEAD = timedelta(hours=72)
"""Write lead where the lock enforces the window or can hold the code disabled (S1-7)."""

EARLIER = 2
"""So many times the write lead where a battery is low."""


class PinSource(StrEnum):
    """Where a code's digits come from (S1-3)."""

    RANDOM = "random"
    PHONE = "phone"


class PinPolicy(StrEnum):
    """What becomes of a code that somebody asked for (S3-2)."""

    RANDOM = "random"  # dictated or refused; a phone's digits or others
    PREFERRED = "preferred"  # used if it is free and fits, else another
    STRICT = "strict"  # dictated or refused, and reserved: no other key gets it, whenever


class Generate(StrEnum):
    """When a key gets its code (S2-8)."""

    AT_BOOKING = "at_booking"
    BEFORE_ARRIVAL = "before_arrival"
    AT_CHECK_IN = "at_check_in"
    MANUAL = "manual"


class MissingPhone(StrEnum):
    """What a guest without a phone number gets where codes come from it (S1-22, S2-7)."""

    RANDOM = "random"
    WAIT = "wait"


class LabelFrom(StrEnum):
    """What a lock shows beside a code (S1-21, S1-24)."""

    CODE = "code"  # the reservation code
    NAME = "name"  # the guest's name, by the rules of `label`


class ExternalDelete(StrEnum):
    """What becomes of a code that a person deleted at the lock (S1-17)."""

    RESPECT = "respect"
    RESTORE = "restore"


class ProvisionAt(StrEnum):
    """From when on a code may lie on the locks (S3-17)."""

    WINDOW = "window"
    CHECK_IN = "check_in"


@dataclass(frozen=True, slots=True)
class Policy:
    """Every setting with its default; see the requirement's id at each."""

    grace_before: timedelta = timedelta(hours=1)  # S1-2, S2-3
    grace_after: timedelta = timedelta(hours=1)
    grace_all_day: bool = False  # S2-3: the whole first and last day
    pin_source: PinSource = PinSource.RANDOM  # S1-3
    pin_length: int | None = None  # S2-6; None = what fits every lock
    pin_policy: PinPolicy = PinPolicy.RANDOM  # S3-2
    missing_phone: MissingPhone = MissingPhone.RANDOM  # S1-22, S2-7
    label: LabelFrom = LabelFrom.CODE  # S1-21, S1-24, S2-11: names go to a lock only where so set
    segment: int | None = None  # S2-10: digits between hyphens, for display only
    generate: Generate = Generate.AT_BOOKING  # S2-8
    generate_days: int = 3  # before the day of arrival, for `before_arrival`
    existing_bookings: bool = True  # S2-13: those of a snapshot get codes without being asked for
    blocks: bool = False  # S2-9: blocked time gets codes; mutual blocks never
    provision_at: ProvisionAt = ProvisionAt.WINDOW  # S3-17
    write_lead: timedelta | None = None  # S1-7; None = by what the lock can do
    retry: Retry = Retry.LADDER  # S1-8, S3-13: for a code that a lock refuses
    external_delete: ExternalDelete = ExternalDelete.RESPECT  # S1-17
    free_slot_after: timedelta = timedelta(hours=24)  # S1-12, where the lock ends the access itself
    verify_after: timedelta = timedelta(seconds=60)  # a second look after a first write

    backup_pool: int = 3  # S0-2: backup codes per lock; 0 = none
    check_at: time = time(8)  # S1-9: the daily check, local to `check_zone`
    check_zone: str = "America/New_York"
    check_within: timedelta = timedelta(minutes=5)  # for the locks to answer: five tries
    share_backup: bool = True  # S1-9: a guest whose code is not set gets a backup unasked

    def lead(self, *, lock_timed: bool, early: bool = False) -> timedelta:
        """How long before its window a code is written; `early`: while the lock still can."""
        lead = self.write_lead
        if lead is None:
            lead = LOCK_TIMED_LEAD if lock_timed else HUB_TIMED_LEAD
        return lead * EARLIER if early else lead

    def display(self, digits: str) -> str:
        """A code as a person reads it; never stored, never sent to a lock."""
        step = self.segment or len(digits)
        return "-".join(digits[i : i + step] for i in range(0, len(digits), step))


DEFAULTS = Policy()

type PolicyPatch = Mapping[str, object]
"""Some of the fields of `Policy` by name; the rest is left to the wider level."""


class Level(StrEnum):
    """Where a setting comes from, from the widest to the narrowest."""

    DEFAULT = "default"
    SITE = "site"
    PROPERTY = "property"
    LOCK = "lock"
    RESERVATION = "reservation"
    KEY = "key"  # staff's word


type Levels = Mapping[Level, PolicyPatch]
"""What each level sets, from the widest to the narrowest."""


def deciding(levels: Levels) -> dict[str, Level]:
    """For each field of `Policy` the level that sets it."""
    decided = dict.fromkeys((field.name for field in fields(Policy)), Level.DEFAULT)
    return decided | {name: level for level, patch in levels.items() for name in patch}


def narrow(*patches: PolicyPatch) -> Policy:
    """The policy in force, patches from the widest to the narrowest."""
    return replace(DEFAULTS, **{k: v for patch in patches for k, v in patch.items()})  # type: ignore[arg-type]  # fields are checked where patches are parsed
