"""A key: what a reservation and staff's word on it give, and at which doors."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gatewayd.domain.capabilities import Capabilities, of_kind
from gatewayd.domain.code import Code, CodeRules, common
from gatewayd.domain.hours import Timetable
from gatewayd.domain.ids import KeyId, LockId, ReservationId
from gatewayd.domain.label import fitting, label, same_guest
from gatewayd.domain.moment import Now, Window
from gatewayd.domain.override import NOTHING, Override
from gatewayd.domain.policy import (
    DEFAULTS,
    ExternalDelete,
    Generate,
    LabelFrom,
    Level,
    Levels,
    MissingPhone,
    PinSource,
    Policy,
    ProvisionAt,
    narrow,
)
from gatewayd.domain.reservation import Kind, Reservation
from gatewayd.domain.retry import Retry
from gatewayd.domain.site import Lock, Property, Site
from gatewayd.domain.stay import local, over_by, window
from gatewayd.errors import Reason, Rejected


@dataclass(frozen=True, slots=True)
class Door:
    """A key at one lock: when its code belongs there, why nothing new is written, and what the
    policy in force there says of the code. `earliest`: since when it may be there for the battery's
    sake; not stored."""

    due: datetime
    withheld: Reason | None = None
    verify_after: timedelta = DEFAULTS.verify_after
    retry: Retry = DEFAULTS.retry
    external_delete: ExternalDelete = DEFAULTS.external_delete
    free_slot_after: timedelta = DEFAULTS.free_slot_after
    earliest: datetime | None = field(default=None, compare=False)

    def stays(self, before: datetime, now: Now) -> bool:
        """Whether a code that was due before stays, since it has come early: to take it off and
        write it again would cost more of the battery than it saves."""
        may = self.earliest is not None and self.earliest <= before < self.due
        return may and now.maybe_reached(before)


def door(
    due: datetime, withheld: Reason | None, policy: Policy, earliest: datetime | None = None
) -> Door:
    """A door with what the policy in force there says."""
    return Door(
        due,
        withheld,
        policy.verify_after,
        policy.retry,
        policy.external_delete,
        policy.free_slot_after,
        earliest,
    )


@dataclass(frozen=True, slots=True)
class Basis:
    """What a key is made from: a reservation, staff's word, or both."""

    key_id: KeyId
    reservation: Reservation | None
    override: Override = NOTHING

    @property
    def code(self) -> Code | None:
        """The code that is asked for; staff's word wins."""
        return self.override.code or (self.reservation.code if self.reservation else None)

    @property
    def phone(self) -> str | None:
        """The guest's."""
        return self.reservation.guest.phone if self.reservation else None

    @property
    def guest(self) -> str | None:
        """Whose it is, in a form that is the same for all of that guest's keys."""
        booked = self.reservation.guest.name if self.reservation else None
        return same_guest(booked or self.override.name or "") or None

    def name(self, policy: Policy) -> str | None:
        """What a lock is to show; staff's word wins."""
        booked = self.reservation.guest.name if self.reservation else None
        return self.override.name or (booked if policy.label is LabelFrom.NAME else None)

    @property
    def announced(self) -> bool:
        """Whether the guest was told the code."""
        return self.reservation is not None and self.reservation.announced_at is not None

    @property
    def may_open(self) -> bool:
        """Whether it can give access at all; a cancellation beats staff's word."""
        return self.reservation.may_open if self.reservation else self.override is not NOTHING

    def lost_doors(self, site: Site | None) -> bool:
        """Whether staff named one that is not on the site any more."""
        if site is None or self.override.all_shut or not self.may_open:
            return False
        return not site.locks.keys() >= set(self.override.doors(()))

    def surely_over(self, now: Now) -> bool:
        """Whether the guest has left, or the last day is over wherever that is."""
        stay, word = self.reservation, self.override
        if stay is not None and stay.checked_out and now.surely_past(stay.checked_out):
            return True
        booked = stay.departure if stay is not None else None
        last = word.ends.date() if word.ends else booked
        return last is not None and now.surely_past(over_by(last))

    @property
    def subject(self) -> str:
        """What an alert about it names."""
        return self.reservation.id if self.reservation else self.key_id


@dataclass(frozen=True, slots=True)
class Key:
    """Permission to open a set of locks within a window, at all hours unless there is a timetable;
    its code is allocated by the intake.

    `label`: the reservation code; `name`: what takes its place where no other key has it; `guest`:
    whose it is.
    """

    id: KeyId
    reservation_id: ReservationId | None
    label: str = field(repr=False)
    name: str | None = field(repr=False)
    guest: str | None = field(repr=False)
    window: Window
    timetable: Timetable | None
    doors: Mapping[LockId, Door]
    policy: Policy
    rules: CodeRules


def key_for(
    site: Site | None,
    basis: Basis,
    capabilities: Mapping[LockId, Capabilities],
    low: Collection[LockId] = (),
) -> Key | None:
    """The key that this gives, or None where it gives no access or no lock is there; `low`: locks
    whose battery is.

    Raises:
        Rejected: `mapping_unknown`, `times_missing`, `dates_reversed`, `rules_conflict`,
            `missing_field`.
    """
    reservation, override = basis.reservation, basis.override
    if not basis.may_open or override.all_shut:
        return None
    if site is None:
        raise Rejected(Reason.MAPPING_UNKNOWN, "there is no site yet", path="data.property_id")
    property_ = _property(site, reservation)
    policy = narrow(*levels(site, basis).values())
    zone = site.zone_of(property_) if property_ else site.zone
    stay = _stay(property_, zone, basis, policy)
    doors_ = override.doors(property_.locks if property_ else ())
    locks = [id_ for id_ in doors_ if id_ in site.locks]  # one that staff named may be gone
    if not locks or _blocked(reservation, policy):
        return None
    able = {id_: capabilities.get(id_) or of_kind(site.locks[id_].driver) for id_ in locks}
    doors = {}
    for id_, can in able.items():
        at_door = narrow(*levels(site, basis, site.locks[id_]).values())
        due, earliest = stay.start - at_door.lead(lock_timed=can.lock_timed), None
        if can.enforces_windows:
            earliest = stay.start - at_door.lead(lock_timed=can.lock_timed, early=True)
        if earliest is not None and id_ in low:
            due = earliest
        why = withheld(reservation, site.locks[id_], at_door)
        doors[id_] = door(due, why, at_door, earliest)
    lengths = [can.label_length for can in able.values() if can.label_length]
    name = basis.name(policy)
    plain = reservation.confirmation_code if reservation else basis.key_id
    return Key(
        id=basis.key_id,
        reservation_id=reservation.id if reservation else None,
        label=label(plain, max(lengths, default=0)),
        name=fitting(name, min(lengths, default=0)) if name else None,
        guest=basis.guest,
        window=stay,
        timetable=Timetable(override.hours, zone) if override.hours else None,
        doors=doors,
        policy=policy,
        rules=common([can.code for can in able.values()]),
    )


def levels(site: Site, basis: Basis, lock: Lock | None = None) -> Levels:
    """What each level sets for a key, or for a key at one of its locks."""
    reservation = basis.reservation
    property_ = site.properties.get(reservation.property_id) if reservation else None
    return {
        Level.SITE: site.policy,
        Level.PROPERTY: property_.policy if property_ else {},
        Level.LOCK: lock.policy if lock else {},
        Level.RESERVATION: reservation.policy if reservation else {},
        Level.KEY: basis.override.policy,
    }


def waits_for(
    key: Key, basis: Basis, now: Now, *, existing: bool
) -> tuple[Reason, datetime | None] | None:
    """Why a key gets no code yet, and when to look again where time alone brings it (S2-7, S2-8,
    S2-13); `existing`: the reservation was there before the hub.

    A reservation that names its code does not wait.
    """
    stay, policy = basis.reservation, key.policy
    if stay is None or basis.code is not None:
        return None
    if policy.generate is Generate.MANUAL or (existing and not policy.existing_bookings):
        return Reason.NOT_DUE, None
    if policy.generate is Generate.AT_CHECK_IN and stay.checked_in is None:
        return Reason.AWAITING_CHECK_IN, None
    if policy.generate is Generate.BEFORE_ARRIVAL:
        due = key.window.start - timedelta(days=policy.generate_days)
        if not now.maybe_reached(due):
            return Reason.NOT_DUE, due
    by_phone = policy.pin_source is PinSource.PHONE and policy.missing_phone is MissingPhone.WAIT
    if by_phone and not basis.phone:
        return Reason.PHONE_MISSING, None
    return None


def _property(site: Site, reservation: Reservation | None) -> Property | None:
    """Where a reservation is for; a manual key is for no property."""
    if reservation is None:
        return None
    if (property_ := site.properties.get(reservation.property_id)) is None:
        raise Rejected(
            Reason.MAPPING_UNKNOWN, "no such property on this site yet", path="data.property_id"
        )
    return property_


def _stay(property_: Property | None, zone: ZoneInfo, basis: Basis, policy: Policy) -> Window:
    """The window that staff names, else the reservation's; it ends when the guest checks out."""
    stay, word = basis.reservation, basis.override
    starts = local(word.starts, zone, earlier=True) if word.starts else None
    ends = local(word.ends, zone, earlier=False) if word.ends else None
    if stay is not None and property_ is not None:
        booked = window(stay, property_, zone, policy)
        starts, ends = starts or booked.start, ends or booked.end
    if starts is None or ends is None:
        raise Rejected(Reason.MISSING_FIELD, "a manual key has starts and ends", path="data")
    if ends <= starts:
        raise Rejected(Reason.DATES_REVERSED, "it ends before it starts", path="data.ends")
    if stay is not None and stay.checked_out is not None:
        ends = min(ends, stay.checked_out)
    return Window(starts, ends)


def _blocked(reservation: Reservation | None, policy: Policy) -> bool:
    return reservation is not None and reservation.kind is Kind.BLOCK and not policy.blocks


def withheld(reservation: Reservation | None, lock: Lock, policy: Policy) -> Reason | None:
    """Why nothing new is written; both the door and the reservation must allow it (S3-20)."""
    if reservation is not None and not reservation.allow_provisioning:
        return Reason.PROVISIONING_DISABLED_KEY
    if not lock.allow_provisioning:
        return Reason.PROVISIONING_DISABLED_DOOR
    if not lock.active:
        return Reason.LOCK_INACTIVE
    at_check_in = policy.provision_at is ProvisionAt.CHECK_IN
    if at_check_in and reservation is not None and reservation.checked_in is None:
        return Reason.AWAITING_CHECK_IN
    return None
