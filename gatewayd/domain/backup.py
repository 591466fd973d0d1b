"""Backup codes: a pool at each lock, for guests whose own code does not work.

Each is a key of its own with one lock and no end; one guest gets it, and when he is gone another
code takes its place.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.code import Code, CodeRules
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.key import Key, door
from gatewayd.domain.label import label
from gatewayd.domain.moment import FOREVER, Now, Window
from gatewayd.domain.policy import Policy
from gatewayd.domain.site import Lock
from gatewayd.errors import Reason

PREFIX = "backup:"


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup code of a lock, numbered from 1."""

    lock: LockId
    number: int

    @property
    def key_id(self) -> KeyId:
        """The key's."""
        return KeyId(f"{PREFIX}{self.lock}:{self.number}")

    @property
    def label(self) -> str:
        """As the lock shows it, so that its use is seen there (S0-3)."""
        return f"Backup-{self.number}"

    @property
    def subject(self) -> str:
        """What an alert about it names."""
        return f"{self.lock}/{self.label}"


def backup_of(key: KeyId) -> Backup | None:
    """The backup whose key that is; None: it is no backup's."""
    if not key.startswith(PREFIX):
        return None
    lock, _, number = key.removeprefix(PREFIX).rpartition(":")
    return Backup(LockId(lock), int(number)) if number.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Held:
    """A backup as it is kept. `proven`: the lock has shown it, and nothing since says otherwise;
    `over`: the guest who has it has no access here any more."""

    code: Code
    withheld: Reason | None = None
    proven: bool = False
    issued_to: KeyId | None = None
    over: bool = False


class Need(StrEnum):
    """What is to be done with a backup."""

    NEW = "new"  # there is none of that number yet
    ROTATED = "rotated"  # another code, the old one first
    DROPPED = "dropped"  # it goes, and none comes
    AMENDED = "amended"  # the same code; whether it is written has changed


def needs(
    pool: int, rules: CodeRules, withheld: Reason | None, held: Mapping[int, Held]
) -> Iterator[tuple[int, Need]]:
    """What is to be done at a lock that should have `pool` backups, by number.

    A guest keeps the one he has, however small the pool has become, until he is gone (S0-6).
    """
    for number, there in sorted(held.items()):
        if there.over or (there.issued_to is None and number > pool):
            yield number, Need.ROTATED if number <= pool else Need.DROPPED
        elif there.issued_to is None and not rules.allow(there.code):
            yield number, Need.ROTATED  # the lock has told meanwhile what it takes
        elif there.withheld != withheld:
            yield number, Need.AMENDED
    yield from ((number, Need.NEW) for number in range(1, pool + 1) if number not in held)


def pick(held: Mapping[int, Held], guest: KeyId) -> int | None:
    """The backup that a guest gets: the one he has while it is proven, else the first proven one
    that nobody has (one guest per backup)."""
    proven = [number for number, there in sorted(held.items()) if there.proven]
    his = (number for number in proven if held[number].issued_to == guest)
    free = (number for number in proven if held[number].issued_to is None)
    return next(his, next(free, None))


def withheld(lock: Lock) -> Reason | None:
    """Why nothing is written at a lock."""
    return None if lock.allow_provisioning else Reason.PROVISIONING_DISABLED_DOOR


def key(backup: Backup, lock: Lock, policy: Policy, able: Capabilities, now: Now) -> Key:
    """The key of a backup: due now, without end."""
    return Key(
        id=backup.key_id,
        reservation_id=None,
        label=label(backup.label, able.label_length),
        name=None,
        guest=None,
        window=Window(now.earliest, FOREVER),
        timetable=None,
        doors={lock.id: door(now.earliest, withheld(lock), policy)},
        policy=policy,
        rules=able.code,
    )
