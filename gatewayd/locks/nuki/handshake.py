"""The commands of the pairing, all of which travel clear.

Nuki Smart Lock API 2.1, "Public Key" to "Authorization-ID Confirmation".
"""

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Self
from uuid import UUID

from gatewayd.locks.nuki.exchange import NONCE_SIZE
from gatewayd.locks.nuki.frames import KEY_SIZE
from gatewayd.locks.nuki.identifiers import Command
from gatewayd.locks.nuki.wire import Reader, exactly, known, padded

AUTHENTICATOR_SIZE = 32
NAME_SIZE = 32
UUID_SIZE = 16


class AppType(IntEnum):
    """What pairs. A bridge's registration does not work beside the lock's own Wi-Fi or Thread."""

    APP = 0x00
    BRIDGE = 0x01
    FOB = 0x02
    KEYPAD = 0x03


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One side's public key."""

    command: ClassVar = Command.PUBLIC_KEY
    key: bytes

    def pack(self) -> bytes:
        """32 bytes."""
        return exactly(self.key, KEY_SIZE)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """Strict."""
        return cls(_only(payload, KEY_SIZE))


@dataclass(frozen=True, slots=True)
class AuthorizationAuthenticator:
    """The client proves that it has the shared key."""

    command: ClassVar = Command.AUTHORIZATION_AUTHENTICATOR
    authenticator: bytes = field(repr=False)

    def pack(self) -> bytes:
        """32 bytes."""
        return exactly(self.authenticator, AUTHENTICATOR_SIZE)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """Strict."""
        return cls(_only(payload, AUTHENTICATOR_SIZE))


@dataclass(frozen=True, slots=True)
class AuthorizationData:
    """Who pairs. The authenticator is over `body` and the nonce of the lock's last challenge."""

    command: ClassVar = Command.AUTHORIZATION_DATA
    authenticator: bytes = field(repr=False)
    app_type: AppType | int
    app_id: int
    name: str
    nonce: bytes = field(repr=False)

    @property
    def body(self) -> bytes:
        """type@0, app-id@1, name@5, nonce@37."""
        head = struct.pack("<BI", self.app_type, self.app_id)
        return head + padded(self.name, NAME_SIZE) + exactly(self.nonce, NONCE_SIZE)

    def pack(self) -> bytes:
        """authenticator@0, body@32."""
        return exactly(self.authenticator, AUTHENTICATOR_SIZE) + self.body

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """Strict."""
        fields = Reader(payload)
        authenticator, app_type = fields.take(AUTHENTICATOR_SIZE), known(AppType, fields.u8())
        app_id, name, nonce = fields.u32(), fields.text(NAME_SIZE), fields.take(NONCE_SIZE)
        fields.end()
        return cls(authenticator, app_type, app_id, name, nonce)


@dataclass(frozen=True, slots=True)
class AuthorizationId:
    """What the lock granted. The authenticator is over `body` and the client's nonce."""

    command: ClassVar = Command.AUTHORIZATION_ID
    authenticator: bytes = field(repr=False)
    auth_id: int
    lock_uuid: UUID
    nonce: bytes = field(repr=False)

    @property
    def body(self) -> bytes:
        """auth-id@0, uuid@4, nonce@20."""
        head = struct.pack("<I", self.auth_id)
        return head + self.lock_uuid.bytes + exactly(self.nonce, NONCE_SIZE)

    def pack(self) -> bytes:
        """authenticator@0, body@32."""
        return exactly(self.authenticator, AUTHENTICATOR_SIZE) + self.body

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """Strict."""
        fields = Reader(payload)
        authenticator, auth_id = fields.take(AUTHENTICATOR_SIZE), fields.u32()
        lock_uuid, nonce = UUID(bytes=fields.take(UUID_SIZE)), fields.take(NONCE_SIZE)
        fields.end()
        return cls(authenticator, auth_id, lock_uuid, nonce)


@dataclass(frozen=True, slots=True)
class AuthorizationIdConfirmation:
    """The client has the id. The authenticator is over the id and the nonce that came with it."""

    command: ClassVar = Command.AUTHORIZATION_ID_CONFIRMATION
    authenticator: bytes = field(repr=False)
    auth_id: int

    def pack(self) -> bytes:
        """authenticator@0, auth-id@32."""
        return exactly(self.authenticator, AUTHENTICATOR_SIZE) + struct.pack("<I", self.auth_id)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """Strict."""
        fields = Reader(payload)
        authenticator, auth_id = fields.take(AUTHENTICATOR_SIZE), fields.u32()
        fields.end()
        return cls(authenticator, auth_id)


def _only(payload: bytes, size: int) -> bytes:
    fields = Reader(payload)
    raw = fields.take(size)
    fields.end()
    return raw
