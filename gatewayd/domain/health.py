"""Warnings as a table: code, severity, text, what to do."""

from dataclasses import dataclass
from enum import StrEnum

from gatewayd.domain.ids import LockId
from gatewayd.errors import Reason


class Severity(StrEnum):
    """How soon a person is needed."""

    CRITICAL = "critical"  # a door opens that should not, or stays shut: now
    WARNING = "warning"  # before the next arrival
    NOTICE = "notice"  # when convenient


class AlertCode(StrEnum):
    """Every alert that the hub raises."""

    REMOVAL_FAILED = "removal_failed"
    LOCK_OFFLINE = "lock_offline"
    LOCK_FULL = "lock_full"
    LOCK_JAMMED = "lock_jammed"
    LOCK_TAMPERED = "lock_tampered"
    LOCK_RESET = "lock_reset"
    KEYPAD_DISABLED = "keypad_disabled"
    KEYPAD_ATTACK = "keypad_attack"
    LOCKS_OFFLINE = "locks_offline"
    BATTERY_LOW = "battery_low"
    BATTERY_CRITICAL = "battery_critical"
    BATTERY_SILENT = "battery_silent"
    KEYPAD_BATTERY_LOW = "keypad_battery_low"
    PIN_REFUSED = "pin_refused"
    PIN_UNANSWERED = "pin_unanswered"
    RADIO_DOWN = "radio_down"
    RADIO_UNSAFE = "radio_unsafe"
    MAPPING_UNKNOWN = "mapping_unknown"
    TIMES_MISSING = "times_missing"
    CODE_IMPOSSIBLE = "code_impossible"
    KEY_IMPOSSIBLE = "key_impossible"
    CODE_REFUSED = "code_refused"
    BRAKE_HELD = "brake_held"
    EVENT_PARKED = "event_parked"
    NO_GRACE = "no_grace"
    CODE_UNSET = "code_unset"
    LOCK_UNCHECKED = "lock_unchecked"
    BACKUP_EXHAUSTED = "backup_exhausted"
    BACKUP_UNEXPLAINED = "backup_unexplained"
    CLOCK_IN_DOUBT = "clock_in_doubt"
    DATABASE_LOST = "database_lost"
    DISK_FULL = "disk_full"
    DOORS_SWAPPED = "doors_swapped"


@dataclass(frozen=True, slots=True)
class AlertKind:
    """The words of an alert; `{subject}` is the lock's, key's or radio's id."""

    severity: Severity
    text: str
    what_to_do: str


ALERTS: dict[AlertCode, AlertKind] = {
    AlertCode.REMOVAL_FAILED: AlertKind(
        Severity.CRITICAL,
        "a code that is over still lies on {subject}",
        "delete it at the keypad, or power-cycle the lock; the hub goes on trying",
    ),
    AlertCode.LOCK_OFFLINE: AlertKind(
        Severity.WARNING,
        "{subject} does not answer",
        "look at its batteries, then move the hub closer; where locks_offline stands, look at the "
        "hub first",
    ),
    AlertCode.LOCKS_OFFLINE: AlertKind(
        Severity.CRITICAL,
        "several locks of {subject} do not answer",
        "look at the hub, not at the locks: its place, its power, its stick or adapter and what "
        "stands near it",
    ),
    AlertCode.LOCK_FULL: AlertKind(
        Severity.WARNING,
        "{subject} has no free slot for a code that is due",
        "delete codes that nobody needs at the lock, then send lock.resync",
    ),
    AlertCode.LOCK_JAMMED: AlertKind(
        Severity.CRITICAL, "the bolt of {subject} is jammed", "free the bolt; check the door's fit"
    ),
    AlertCode.LOCK_TAMPERED: AlertKind(
        Severity.CRITICAL,
        "the cover of {subject} was opened",
        "look at the lock; the next code that is used there ends this, or lock.resync",
    ),
    AlertCode.LOCK_RESET: AlertKind(
        Severity.WARNING,
        "{subject} reports that all its codes were deleted",
        "nothing, if this was wanted: the hub writes what is due again, which ends this",
    ),
    AlertCode.KEYPAD_DISABLED: AlertKind(
        Severity.WARNING,
        "the keypad of {subject} is locked out after wrong codes",
        "wait a minute, then type the code slowly",
    ),
    AlertCode.KEYPAD_ATTACK: AlertKind(
        Severity.CRITICAL,
        "many wrong codes were typed at {subject} within minutes",
        "look who is there (site: at several locks); it ends after half an hour of quiet",
    ),
    AlertCode.BATTERY_CRITICAL: AlertKind(
        Severity.CRITICAL,
        "the battery of {subject} is all but empty",
        "replace the batteries today",
    ),
    AlertCode.BATTERY_SILENT: AlertKind(
        Severity.NOTICE,
        "nothing was heard of {subject} and its battery for a week",
        "look at its batteries; the next word from the lock ends this",
    ),
    AlertCode.BATTERY_LOW: AlertKind(
        Severity.WARNING, "the battery of {subject} is low", "replace the batteries"
    ),
    AlertCode.KEYPAD_BATTERY_LOW: AlertKind(
        Severity.WARNING, "the battery of the keypad of {subject} is low", "replace its batteries"
    ),
    AlertCode.PIN_REFUSED: AlertKind(
        Severity.CRITICAL,
        "{subject} refuses the hub's security PIN; nothing more is written there",
        "pair the lock again with its PIN: gatewayd pair nuki",
    ),
    AlertCode.PIN_UNANSWERED: AlertKind(
        Severity.CRITICAL,
        "{subject} fell silent each time after the security PIN was sent, so whether that PIN is "
        "right is not known; nothing more is written there",
        "take its batteries out for a minute and move the hub closer, then pair it again: gatewayd "
        "pair nuki",
    ),
    AlertCode.RADIO_DOWN: AlertKind(
        Severity.CRITICAL,
        "the radio {subject} is not there",
        "zwave: systemctl status zwave-js-server, and the stick; nuki: systemctl status bluetooth, "
        "and bluetoothctl list",
    ),
    AlertCode.RADIO_UNSAFE: AlertKind(
        Severity.CRITICAL,
        "the radio service {subject} does not fit and is not used",
        "the log says why; zwave: install the versions that docs/install.md names, and set "
        "interview.queryAllUserCodes to true; nuki: put the user gatewayd into the group bluetooth",
    ),
    AlertCode.MAPPING_UNKNOWN: AlertKind(
        Severity.WARNING,
        "{subject} names a property that this hub does not know",
        "send the site document that holds the property",
    ),
    AlertCode.TIMES_MISSING: AlertKind(
        Severity.WARNING,
        "{subject} has no check-in or check-out time",
        "set the times at the reservation or at its property",
    ),
    AlertCode.CODE_IMPOSSIBLE: AlertKind(
        Severity.WARNING,
        "{subject} gets no code: no form fits all its locks",
        "change the PIN policy, or take the odd lock off the property",
    ),
    AlertCode.KEY_IMPOSSIBLE: AlertKind(
        Severity.WARNING,
        "the key of {subject} cannot be as it was said any more; its codes stay where they fit",
        "say it anew with reservation.put or key.put",
    ),
    AlertCode.CODE_REFUSED: AlertKind(
        Severity.CRITICAL,
        "a lock has the code of {subject} already, and the guest was told that code",
        "give the guest a backup code for that door, or send code.regenerate and tell the new code",
    ),
    AlertCode.BRAKE_HELD: AlertKind(
        Severity.WARNING,
        "a command that would remove many keys is held ({subject})",
        "look at the booking feed; send brake.confirm if it is right",
    ),
    AlertCode.NO_GRACE: AlertKind(
        Severity.NOTICE,
        "guests of {subject} have no minute to spare at check-in or check-out",
        "set a grace, or leave it so: a clock that is off by a minute shuts somebody out",
    ),
    AlertCode.EVENT_PARKED: AlertKind(
        Severity.WARNING,
        "the broker refuses an event, or closes the connection at it ({subject})",
        "look at the broker's access rules and size limits; within an hour it is sent again",
    ),
    AlertCode.CODE_UNSET: AlertKind(
        Severity.CRITICAL,
        "a guest's code is not on the door ({subject})",
        "give the guest the backup code of backup.issued, else do as the fallback note says",
    ),
    AlertCode.LOCK_UNCHECKED: AlertKind(
        Severity.WARNING,
        "{subject} does not answer the daily check: the codes of the next 24 h were not read",
        "have a backup code or the fallback note at hand",
    ),
    AlertCode.BACKUP_EXHAUSTED: AlertKind(
        Severity.CRITICAL,
        "a guest needs a backup code at {subject}, and none is left",
        "do as the fallback note says; backup.rotate takes back codes that nobody needs",
    ),
    AlertCode.BACKUP_UNEXPLAINED: AlertKind(
        Severity.WARNING,
        "a backup code was used that nobody was given ({subject})",
        "if it was handed out, report it with backup.issue and its label; else send backup.rotate",
    ),
    AlertCode.CLOCK_IN_DOUBT: AlertKind(
        Severity.WARNING,
        "the clock of {subject} is not synchronised: codes go in early and come out late",
        "let the hub reach a time server (timedatectl says whether it does), or send a time that "
        "answers an event",
    ),
    AlertCode.DATABASE_LOST: AlertKind(
        Severity.CRITICAL,
        "the database of {subject} was lost, or is an older one; until the cloud has told what it "
        "does not know no code is removed anywhere, also none that is over",
        "send site.put, key.put for each key by hand, and a complete reservation.snapshot that "
        "echoes the codes; where nobody restored it, replace the hub's card or disk",
    ),
    AlertCode.DISK_FULL: AlertKind(
        Severity.CRITICAL,
        "the disk of {subject} is full; when the last of it is used up, nothing is written into "
        "locks any more",
        "make room on it: df -h, then journalctl --vacuum-size=50M, and look what else grows",
    ),
    AlertCode.DOORS_SWAPPED: AlertKind(
        Severity.CRITICAL,
        "the locks of {subject} seem to hang on each other's doors",
        "commission both doors again (lock.commission) while nobody else types there; if it stays, "
        "exchange the two addresses in the site document",
    ),
}

OF_LOCKS = {
    AlertCode.LOCK_OFFLINE,
    AlertCode.LOCK_FULL,
    AlertCode.LOCK_JAMMED,
    AlertCode.LOCK_TAMPERED,
    AlertCode.LOCK_RESET,
    AlertCode.LOCK_UNCHECKED,
    AlertCode.KEYPAD_DISABLED,
    AlertCode.KEYPAD_BATTERY_LOW,
    AlertCode.BATTERY_LOW,
    AlertCode.BATTERY_CRITICAL,
    AlertCode.BATTERY_SILENT,
    AlertCode.PIN_REFUSED,
    AlertCode.PIN_UNANSWERED,
    AlertCode.BACKUP_EXHAUSTED,
}
"""Those whose subject is a lock; a subject with a slash is a key or a backup code at one."""


def at_lock(code: AlertCode, subject: str) -> LockId | None:
    """The lock that an alert is about, where it is about one."""
    lock, _, key = subject.partition("/")
    return LockId(lock) if key or code in OF_LOCKS else None


REMEDIES: dict[Reason, str] = {
    Reason.LOCK_UNREACHABLE: "look at the lock's batteries and its way to the hub",
    Reason.RADIO_DOWN: "look at the radio and its service",
    Reason.LOCK_FULL: "delete codes that nobody needs at the lock, then send lock.resync",
    Reason.DELETED_AT_LOCK: "a person deleted it at the lock: lock.resync puts it back",
    Reason.PIN_REFUSED: "pair the lock again with its PIN: gatewayd pair nuki",
    Reason.PIN_UNANSWERED: "pair the lock again: gatewayd pair nuki",
    Reason.DATES_REVERSED: "its end is not after its start: change one of them",
    Reason.CODE_TAKEN: "another key has its code by now: name another one, or none",
    Reason.UNKNOWN_LOCK: "a door that staff named is not on the site any more: name another one",
    Reason.LOCK_INACTIVE: "not while the lock is inactive: set it active in the site document",
    Reason.DUPLICATE_CODE: "the lock holds the same digits already; delete them there, then send "
    "lock.sync_now",
    Reason.MAPPING_MISSING: "put the lock into the site document, and at its property",
    Reason.PROVISIONING_DISABLED_DOOR: "allow provisioning on the door, in the site document",
    Reason.PROVISIONING_DISABLED_KEY: "allow provisioning on the reservation: reservation.put",
    Reason.AWAITING_CHECK_IN: "send reservation.check_in when the guest is there",
    Reason.PHONE_MISSING: "send the guest's phone number with the reservation",
    Reason.NOT_DUE: "to have it at once, send batch with mode missing",
    Reason.FOREIGN_SLOT: "a person's code took its place: lock.adopt, or delete it at the lock",
    Reason.WRITE_BUDGET: "look who else writes codes there; then send lock.sync_now",
}
"""What helps against a reason, besides what the alert says."""


def what_to_do(code: AlertCode, reason: Reason | None) -> str:
    """What a person can do about an alert that has this reason."""
    return "; ".join(filter(None, [ALERTS[code].what_to_do, reason and REMEDIES.get(reason)]))


SEVERAL = 2
"""From so many silent locks on it may be the radio."""


def radio_at_fault(silent: int, of: int) -> bool:
    """Whether it is the hub rather than the locks, when so many of a radio's do not answer
    (S1-25)."""
    return silent >= SEVERAL and 2 * silent >= of
