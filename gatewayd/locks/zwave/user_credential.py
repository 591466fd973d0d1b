"""User Credential (0x83) locks: a user and its PIN, both under the slot's number.

A code is a credential of type PIN in slot n that belongs to user n. The lock itself does not tie
the two: PIN slot n may be empty and user n somebody, with a card, or with a PIN in another slot.
Such a slot is shown as foreign, and nobody's user is changed or deleted but one who has no
credential, or PIN n. A card that a person gives to our user stays, and so does the user, when our
PIN is deleted; until then the two open, or not, together. A person at the lock can also give PIN n
to another user: it is then shown as not enabled, because it does not open as the user of its slot,
and the next write puts that right.

Users and credentials can be left behind: `add_user` leaves the user when its credential is refused,
so that user is removed again; a user without credential opens nothing, and is taken over by the
next write.

What zwave-js has in store may be old. It only chooses between adding and modifying; where the lock
says that this was the wrong choice, the other one is made, once.

| exchanges | |
|---|---|
| an empty slot | get PIN, get the user's credentials: 2 |
| a code | get PIN, get user: 2 |
| a write after it | set user, set PIN: 2 |
| a clear | get PIN, delete PIN, get the user's credentials, delete user: 4 |

A write into a slot that this session has not looked at looks first.

The library offers no schedules for this class: its windows are kept by the hub, which enables the
user when they begin.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

from zwave_js_server.const.command_class.access_control import (
    SetCredentialResult,
    SetUserResult,
)
from zwave_js_server.model.access_control import (
    AccessControlAPI,
    SetUserOptions,
)

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.code import ANY_CODE, Code, CodeRules
from gatewayd.domain.slot import Empty, Entry, Foreign, Holds, Observation, Occupied
from gatewayd.errors import (
    LockError,
    OutcomeUnknown,
    Reason,
    Refused,
    Unreachable,
    Unsupported,
)
from gatewayd.locks.zwave.commands import Commands
from gatewayd.locks.zwave.credentials import NOBODY, PIN, Credentials
from gatewayd.locks.zwave.door_lock import DoorLock

NAME_FITS, NAME_ALWAYS_FITS = 20, 6
"""Characters of a name that one frame of 46 bytes holds, beside S2 and Supervision; and beside the
nonce that S2 adds when it has lost count."""
DUPLICATE = frozenset(
    {
        SetCredentialResult.ERROR_DUPLICATE_CREDENTIAL,
        SetCredentialResult.ERROR_DUPLICATE_ADMIN_PIN_CODE,
    }
)
LOOK_AGAIN = frozenset(
    {
        SetCredentialResult.ERROR_ADD_REJECTED_LOCATION_OCCUPIED,
        SetCredentialResult.ERROR_MODIFY_REJECTED_LOCATION_EMPTY,
        SetCredentialResult.ERROR_WRONG_USER_UNIQUE_IDENTIFIER,
    }
)
"""The slot is not what zwave-js believed it to be."""


@dataclass(frozen=True, slots=True)
class UserCredentials:
    """How a lock keeps its codes, as the interview found out."""

    slots: int
    code: CodeRules
    label_length: int
    readable: bool

    @classmethod
    async def learn(cls, commands: Commands) -> "UserCredentials":
        """No frame is sent. A lock for fingers or cards alone has no slots for us.

        Raises:
            Unreachable: the lock did not answer when it was interviewed.
        """
        access = commands.node.access_control
        users = await commands.read(access.get_user_capabilities_cached())
        credentials = await commands.read(access.get_credential_capabilities_cached())
        types = credentials.supported_credential_types
        if not users.max_users or not types:
            raise Unreachable("what the lock can do is not known: interview it again")
        if (pin := types.get(PIN)) is None:
            return cls(slots=0, code=ANY_CODE, label_length=0, readable=True)
        return cls(
            slots=min(users.max_users, pin.number_of_credential_slots),
            code=CodeRules(pin.min_credential_length, pin.max_credential_length),
            label_length=min(users.max_user_name_length or 0, NAME_FITS),
            readable=pin.max_credential_hash_length == 0,
        )

    @property
    def capabilities(self) -> Capabilities:
        """In the words of the domain."""
        return Capabilities(
            slots=self.slots,
            code=self.code,
            label_length=self.label_length,
            can_disable=True,
            readable=self.readable,
        )

    def session(self, commands: Commands) -> "UserCredentialSession":
        """Operations on the lock's codes."""
        return UserCredentialSession(self, commands)


class UserCredentialSession(DoorLock):
    """Reads and writes users of one node."""

    def __init__(self, able: UserCredentials, commands: Commands) -> None:
        super().__init__(commands)
        self._able = able
        self._shown = Credentials(commands)
        self._foreign: dict[int, bool] = {}  # slot: whether its user is somebody else, as shown

    @property
    def _access(self) -> AccessControlAPI:
        return self._commands.node.access_control

    async def observe(self, slots: Collection[int]) -> Mapping[int, Observation]:
        """Each slot from the lock itself: two exchanges, and more where the user is somebody else.

        Raises:
            Unreachable: the lock gave no answer. Unsupported: no such slot.
        """
        return {slot: await self._read(slot) for slot in slots}

    async def unchanged(self, seen: Mapping[int, Observation]) -> bool:
        """Not here: the checksum of 0x83 is over users and cards that we do not read."""
        raise Unsupported("the lock tells no checksum of PINs")

    async def write(self, entry: Entry, slot: int | None) -> int:
        """Add or change the user and its PIN.

        Raises:
            Refused: the lock said no. Unsupported: it has no such slot, or takes no such entry.
            OutcomeUnknown: it said nothing.
        """
        if not self._able.code.allow(entry.code):
            raise Unsupported("the lock takes no code of that form", Reason.CODE_IMPOSSIBLE)
        if slot is None:
            raise Unsupported("User Credential has numbered slots")
        if entry.window is not None or entry.hours is not None:
            raise Unsupported("the lock knows no windows and no hours")
        if slot not in self._foreign:
            await self._read(slot)
        if self._foreign[slot]:
            raise Refused("the user of this number is somebody else", Reason.FOREIGN_SLOT)
        new = await self._write_user(entry, slot)
        try:
            await self._write_pin(entry.code, slot)
        except Refused:
            if new:
                with suppress(LockError):  # what is left behind opens nothing
                    await self._delete_user(slot)
            raise
        return slot

    async def clear(self, slot: int) -> None:
        """Delete the PIN, whose ever it became, and a user who has nothing else.

        Raises:
            Refused: the lock said no. Unsupported: it has no such slot.
        """
        if slot < 1:
            raise Unsupported("user 0 means all users")
        self._foreign.pop(slot, None)
        owner = (await self._shown.pin(slot)).user_id
        if owner != NOBODY:
            await self._delete_pin(owner, slot)
        await self._delete_user(slot)

    async def _write_user(self, entry: Entry, slot: int) -> bool:
        """Whether the user is a new one; its name is cut to what goes into a frame;
        without one the lock names the user itself."""
        name = entry.label[: self._able.label_length]
        try:
            return await self._set_user(slot, name, active=entry.enabled)
        except Unsupported:
            if len(name) <= NAME_ALWAYS_FITS:
                raise
        return await self._set_user(slot, name[:NAME_ALWAYS_FITS], active=entry.enabled)

    async def _set_user(self, slot: int, name: str, *, active: bool) -> bool:
        options = SetUserOptions(active=active, user_name=name)
        there = await self._commands.read(self._access.get_user_cached(slot))
        result = SetUserResult.ERROR_MODIFY_REJECTED_LOCATION_EMPTY
        if there is not None:
            result = await self._commands.change_slot(slot, self._access.set_user(slot, options))
        if new := result is SetUserResult.ERROR_MODIFY_REJECTED_LOCATION_EMPTY:
            result = (
                await self._commands.change_slot(slot, self._access.add_user(slot, options))
            ).user
        if result is SetUserResult.ERROR_ADD_REJECTED_LOCATION_OCCUPIED:
            new, result = (
                False,
                await self._commands.change_slot(slot, self._access.set_user(slot, options)),
            )
        if result is SetUserResult.ERROR_UNKNOWN:
            raise OutcomeUnknown("the lock did not say whether it stored the user")
        if result is not SetUserResult.OK:
            raise Refused("the lock refused the user")
        return new

    async def _write_pin(self, code: Code, slot: int) -> None:
        result = await self._set_pin(code, slot)
        if result in LOOK_AGAIN:
            there = await self._shown.pin(slot)
            if there.user_id not in (NOBODY, slot):
                if there.data != code.digits:
                    raise Refused("the slot holds another user's code", Reason.FOREIGN_SLOT)
                await self._delete_pin(there.user_id, slot)
            result = await self._set_pin(code, slot)
        if result in DUPLICATE:
            raise Refused("the lock holds this code already", Reason.DUPLICATE_CODE)
        if result is SetCredentialResult.ERROR_UNKNOWN:
            raise OutcomeUnknown("the lock did not say whether it stored the code")
        if result is not SetCredentialResult.OK:
            raise Refused("the lock refused the code")

    async def _set_pin(self, code: Code, slot: int) -> SetCredentialResult:
        return await self._commands.change_slot(
            slot, self._access.set_credential(slot, PIN, slot, code.digits)
        )

    async def _delete_pin(self, owner: int, slot: int) -> None:
        result = await self._commands.change_slot(
            slot, self._access.delete_credential(owner, PIN, slot)
        )
        if result is not SetCredentialResult.OK:
            raise OutcomeUnknown("the lock did not say that it deleted the code")

    async def _delete_user(self, user_id: int) -> None:
        """Delete a user who does not open otherwise: its other credentials would go too."""
        if await self._shown.opens_otherwise(user_id):
            return
        if (
            await self._commands.change_slot(user_id, self._access.delete_user(user_id))
            is not SetUserResult.OK
        ):
            raise OutcomeUnknown("the lock did not say that it deleted the user")

    async def _read(self, slot: int) -> Observation:
        pin = await self._shown.pin(slot)
        self._foreign[slot] = pin.user_id != slot and await self._shown.opens_otherwise(slot)
        at = self._commands.network.clock.now().earliest
        if pin.user_id == NOBODY:
            return Foreign(at) if self._foreign[slot] else Empty(at)
        enabled = pin.user_id == slot and await self._shown.is_active(slot)
        if isinstance(pin.data, str) and pin.data.isascii() and pin.data.isdigit():
            return Holds(at, Code(pin.data), enabled)
        return Occupied(at, enabled)
