"""The commands by which people look after codes and locks, as the cloud sends them."""

from typing import Annotated, Literal

from pydantic import Field

from gatewayd.domain.batch import Mode
from gatewayd.intake.fields import At, Id, LocalDateTime, Model, Text

MAX_CHOSEN = 1_000


class Select(Model):
    """Which reservations: the named ones, those of a property, or, where both are absent, all."""

    reservation_ids: Annotated[tuple[Id, ...], Field(max_length=MAX_CHOSEN)] | None = None
    property_id: Id | None = None


class Batch(Model):
    """Codes of many reservations: `missing` gives one to each that waits for it, `all` gives each
    another one, the old one first, `resync` reads their locks again and puts back what is missing.
    Answered by `batch.planned`; a dry run changes nothing. Done as soon as it is stored: each code
    and each lock then tells for itself."""

    select: Select
    mode: Mode
    dry_run: bool = False


class Time(Model):
    """What time it is, from somebody who knows: narrows what a hub reckons with whose clock is not
    synchronised; one that is pays no heed. `answers`: the id of an event just read, one
    of the last 1,000 since the hub started, and no answer to a command: without it the hub cannot
    know for how long this waited in the broker, and takes from it only that it is not earlier."""

    utc: At
    accuracy_s: Annotated[float, Field(ge=0, le=3600)]
    answers: Id | None = None


class CredentialsResend(Model):
    """Have the guest told once more: becomes `credentials.wanted`, for the cloud to deliver."""

    key_id: Id
    channel: Literal["email", "phone"]


class LockSyncNow(Model):
    """Somebody stands at the lock: try at once whatever waits for its next try there, and look
    whether our codes are on it. The steps of the ladder go on from where they were."""

    lock_id: Id


class LockReplace(Model):
    """Another lock hangs on the door. Both are locks of the site document, and the new one has
    answered. In the document in force the new one takes the place of the old one in every property,
    and in what staff said on keys; the old one stays there, not active, and what is on it is
    forgotten: reset it before it is used again. The next `site.put` must say the same. Done when
    the new lock has shown all that belongs on it. (A lock that only changes its address keeps its
    id: that is a `site.put`.)"""

    old: Id
    new: Id


class LockCommission(Model):
    """Find out whether a lock hangs on the door that the site document gives it, at best before the
    first guest comes. That lock alone gets a code of its own (key `commission:{lock_id}`): written
    and proven as any, also where the door does not allow provisioning, since no guest comes with
    it, and in no event. `lock.commissioning` tells that it is there; who stands at that door looks
    it up at the hub and types it. Then `lock.commissioned` says once: `right`, that lock was opened
    with it; `swapped`, another lock of the site was, or did not know a code or locked its keypad
    out (alert `doors_swapped`; so let nobody else type meanwhile); `unused`, neither within
    `minutes` since the code was there. At once the code goes. A wrong code at the lock itself is a
    `lock.wrong_code` and ends nothing: type it again, some locks tell only the third or fifth; some
    never tell who opened them: then it is `unused`. Since a wrong code does not say which one it
    was, there is one commissioning at a time: another one is rejected (`commissioning`) until the
    first has ended; 0 minutes end it. It goes on offline and after a restart, its time begins anew
    with a boot of the hub, and it ends where a `site.put` gives the lock another address, takes it
    away or sets it not active."""

    lock_id: Id
    minutes: Annotated[int, Field(ge=0, le=60)] = 15


class AdoptedSlot(Model):
    """A code in this slot that the hub has read there. `key_id` names a key that has just that code
    and that door, or a new key by hand; without it a new one is made, and `name` is needed."""

    slot: Annotated[int, Field(ge=0, lt=2**16)]
    key_id: Id | None = None
    name: Text | None = None
    ends: LocalDateTime | None = Field(
        default=None, description="of a new key; else as at the lock, else the end of 2099"
    )


class LockAdopt(Model):
    """Take over codes that people put into a lock: from then on they are the hub's, to be kept and
    to be removed. Each is told by `lock.adopted`; all or none."""

    lock_id: Id
    slots: Annotated[tuple[AdoptedSlot, ...], Field(min_length=1, max_length=100)]
