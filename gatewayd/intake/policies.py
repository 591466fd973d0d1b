"""The settings of one level: as the cloud sends them, and as the domain narrows them."""

from collections.abc import Iterator, Mapping
from datetime import time, timedelta
from typing import Annotated, Literal

from pydantic import Field

from gatewayd.domain.events.policy import Setting
from gatewayd.domain.policy import (
    ExternalDelete,
    Generate,
    LabelFrom,
    Levels,
    MissingPhone,
    PinPolicy,
    PinSource,
    PolicyPatch,
    ProvisionAt,
    deciding,
    heeded,
    narrow,
)
from gatewayd.domain.retry import Retry
from gatewayd.intake.fields import Duration, HourMinute, Model, Zone, as_text


class PinDocument(Model):
    """Where codes come from."""

    source: PinSource | None = None
    length: Annotated[int, Field(ge=4, le=8)] | None = None
    policy: PinPolicy | None = Field(
        default=None,
        description="preferred: another code takes the place of one that cannot be, and a "
        "key that has a code keeps it; the event then says declined",
    )
    missing_phone: MissingPhone | None = None
    segment: Annotated[int, Field(ge=1, le=8)] | None = Field(
        default=None, description="digits between hyphens, for display only"
    )


class BackupDocument(Model):
    """Codes kept on a lock for guests whose own does not work."""

    pool: Annotated[int, Field(ge=0, le=20)] | None = Field(
        default=None, description="so many for each lock; 0: none; set for the site or a lock"
    )


class HealthCheckDocument(Model):
    """The daily check reads each lock for the codes of the next 24 h; `at`, `timezone` and `within`
    are of the site alone."""

    at: HourMinute | None = None
    timezone: Zone | None = None
    within: Annotated[Duration, Field(ge=timedelta(seconds=1))] | None = Field(
        default=None,
        description="so long the locks may take to answer, and the hub to mend what is missing; "
        "left out: five minutes, the first tries of the ladder",
    )
    share_backup: bool | None = Field(
        default=None, description="a guest whose code is not set gets a backup code unasked"
    )


class PolicyDocument(Model):
    """Settings of one level; what is absent is left to the wider level (site, property, key)."""

    grace: Duration | Literal["all_day"] | None = Field(
        default=None, description="before and after the stay; all_day = whole first and last day"
    )
    grace_before: Duration | None = None
    grace_after: Duration | None = None
    pin: PinDocument | None = None
    label: LabelFrom | None = Field(
        default=None,
        description="what locks show beside a code; name: the guest's, as many whole words as fit, "
        "or the reservation code where the name cannot be: taken there already, too long, beyond "
        "GSM 03.38, of a guest with another booking or key, or refused by the lock",
    )
    generate: Generate | None = None
    generate_days: Annotated[int, Field(ge=0, le=365)] | None = Field(
        default=None, description="for before_arrival: so many days before the window"
    )
    existing_bookings: bool | None = Field(
        default=None, description="whether reservations of a snapshot get codes unasked"
    )
    blocks: bool | None = Field(default=None, description="blocked time gets codes too")
    provision_at: ProvisionAt | None = None
    retry: Retry | None = Field(default=None, description="for a code that a lock refuses")
    external_delete: ExternalDelete | None = None
    free_slot_after: Duration | None = Field(
        default=None, description="how long a code that is over stays where it opens no more"
    )
    write_lead: Duration | None = Field(default=None, description="how long before the window")
    verify_after: Duration | None = Field(default=None, description="second look at a new code")
    backup: BackupDocument | None = None
    health_check: HealthCheckDocument | None = None


def patch_of(policy: PolicyDocument | None) -> PolicyPatch:
    """The fields of `domain.policy.Policy` that a document sets."""
    if policy is None:
        return {}
    patch: dict[str, object] = {}
    if policy.grace is not None:
        whole = policy.grace == "all_day"
        patch["grace_all_day"] = whole
        if not whole:
            patch["grace_before"] = patch["grace_after"] = policy.grace
    patch |= _set(policy, {name: name for name in AS_THEY_ARE})
    parts = ((policy.pin, PIN), (policy.backup, BACKUP), (policy.health_check, HEALTH_CHECK))
    for part, names in parts:
        patch |= _set(part, names) if part else {}
    return patch


AS_THEY_ARE = (
    "grace_before",
    "grace_after",
    "label",
    "generate",
    "generate_days",
    "existing_bookings",
    "blocks",
    "provision_at",
    "retry",
    "external_delete",
    "free_slot_after",
    "write_lead",
    "verify_after",
)
PIN = {
    "source": "pin_source",
    "length": "pin_length",
    "policy": "pin_policy",
    "missing_phone": "missing_phone",
    "segment": "segment",
}

BACKUP = {"pool": "backup_pool"}
HEALTH_CHECK = {
    "at": "check_at",
    "timezone": "check_zone",
    "within": "check_within",
    "share_backup": "share_backup",
}


def settings(levels: Levels) -> Iterator[Setting]:
    """Every setting under the cloud's name and in its form, with the level that decides it."""
    levels = heeded(levels)
    policy = narrow(*levels.values())
    for name, level in deciding(levels).items():
        yield Setting(NAMES.get(name, name), _said(getattr(policy, name)), level)


NAMES = {
    name: f"{part}.{field}"
    for part, names in (("pin", PIN), ("backup", BACKUP), ("health_check", HEALTH_CHECK))
    for field, name in names.items()
}
"""The cloud's names, where they are not the domain's."""


def _said(value: object) -> str | int | bool | None:
    match value:
        case None | bool() | int():
            return value
        case timedelta():
            return as_text(value)
        case time():
            return f"{value:%H:%M}"
        case _:
            return str(value)


def _set(document: Model, names: Mapping[str, str]) -> dict[str, object]:
    """The fields that a document sets, under the domain's names."""
    there = {name: getattr(document, field) for field, name in names.items()}
    return {name: value for name, value in there.items() if value is not None}
