"""What a User Credential (0x83) lock shows of its users and credentials, from the lock itself."""

from enum import IntEnum

from zwave_js_server.const.command_class.access_control import UserCredentialType
from zwave_js_server.model.access_control import AccessControlAPI, CredentialData

from gatewayd.locks.zwave.commands import Commands


class _Class(IntEnum):
    """What the library's own enum does not name."""

    USER_CREDENTIAL = 0x83


USER_CREDENTIAL = _Class.USER_CREDENTIAL
PIN = UserCredentialType.PIN_CODE
NOBODY = 0
"""The user of a PIN that is not there."""


class Credentials:
    """Reads of one node.

    Each raises Unreachable where the lock gave no answer, or that to another question.
    """

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    @property
    def _access(self) -> AccessControlAPI:
        return self._commands.node.access_control

    async def pin(self, slot: int) -> CredentialData:
        """The credential in a slot, whose ever it is."""
        pin = await self._commands.read(self._access.get_credential(PIN, slot))
        if pin is None or pin.slot != slot:
            raise self._commands.unanswered()
        return pin

    async def opens_otherwise(self, user_id: int) -> bool:
        """Whether a user has any credential but the PIN of its own number.

        The library's list is as empty for silence as for a user without credentials. Of a raw
        question the answer says only that there was one, and what it named is then in the store,
        next to what may be old; the list, where the lock answers, takes away what is old.
        """
        await self._commands.must_answer(USER_CREDENTIAL, "getCredential", user_id, 0, 0)
        stored = self._access.get_credentials_cached
        if not await self._commands.read(stored(user_id)):
            return False
        listed = await self._commands.read(self._access.get_credentials(user_id))
        there = listed or await self._commands.read(stored(user_id))
        return any((each.type, each.slot) != (PIN, user_id) for each in there)

    async def is_active(self, user_id: int) -> bool:
        """Whether what belongs to a user opens."""
        user = await self._commands.read(self._access.get_user(user_id))
        if user is None or user.user_id != user_id:
            raise self._commands.unanswered()
        return user.active
