"""Pairing: how a lock in pairing mode (its button held for five seconds) grants an authorization.

Nuki Smart Lock API 2.1, "Authorize App" and "Encryption". A Smart Lock Ultra pairs in another way,
which asks for its PIN; that is not here.
"""

import hmac
import struct
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Self
from uuid import UUID

from nacl.bindings import crypto_box_beforenm, crypto_scalarmult_base
from nacl.exceptions import CryptoError

from gatewayd.errors import GatewaydError
from gatewayd.locks.nuki.commands import Known, decode, encode
from gatewayd.locks.nuki.exchange import Challenge, ErrorReport, RequestData, Status, Unknown
from gatewayd.locks.nuki.frames import KEY_SIZE, Packet
from gatewayd.locks.nuki.handshake import (
    AppType,
    AuthorizationAuthenticator,
    AuthorizationData,
    AuthorizationId,
    AuthorizationIdConfirmation,
    PublicKey,
)
from gatewayd.locks.nuki.identifiers import Command, ErrorCode, StatusCode
from gatewayd.locks.nuki.wire import exactly

MEANING: dict[ErrorCode | int, str] = {
    ErrorCode.NOT_PAIRING: "the lock is not in pairing mode: its button was not held",
    ErrorCode.BAD_AUTHENTICATOR: "the lock does not accept our proof of the shared key",
    ErrorCode.PAIRING_BAD_PARAMETER: "the lock does not accept our name or number",
    ErrorCode.MAX_USER: "the lock has no room for one more authorization",
    ErrorCode.BAD_CRC: "the lock received something torn",
    ErrorCode.BAD_LENGTH: "the lock received something of a wrong length",
}


class PairingFailed(GatewaydError):
    """The lock granted nothing; `code` is its own, where it gave one."""

    what_to_do = "go nearer to the lock and try again"

    def __init__(self, message: str, code: ErrorCode | int | None = None) -> None:
        super().__init__(message)
        self.code = code


class UltraUnsupported(PairingFailed):
    """Its handshake asks for the PIN, and is not known here."""

    what_to_do = "use another lock at this door: the hub cannot set codes on an Ultra"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A client's Curve25519 key pair."""

    private: bytes = field(repr=False)
    public: bytes

    @classmethod
    def of(cls, private: bytes) -> Self:
        """The pair of a private key: 32 random bytes."""
        return cls(private, crypto_scalarmult_base(exactly(private, KEY_SIZE)))


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a lock granted to us; with it every frame is sealed."""

    auth_id: int
    shared_key: bytes = field(repr=False)
    lock_uuid: UUID


def shared_key(private: bytes, their_public: bytes) -> bytes:
    """X25519, then HSalsa20: the vendor's dh1 and kdf1.

    Raises:
        PairingFailed: not a public key.
    """
    try:
        return crypto_box_beforenm(their_public, private)
    except CryptoError:
        raise PairingFailed("the lock sent no public key") from None


def authenticator(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256: the vendor's h1."""
    return hmac.digest(key, message, "sha256")


def pairing(
    client: KeyPair, nonce: bytes, app_id: int, name: str
) -> Generator[Packet, Packet, Authorization]:
    """Yields what to send, is sent the lock's answer, and returns the authorization.

    The nonce is 32 random bytes. The name is what the vendor's app shows, 32 bytes at most.

    Raises:
        PairingFailed: the lock refused, or did not prove that it has the key.
        Malformed: an answer that cannot be read.
    """
    answer = yield encode(RequestData(Command.PUBLIC_KEY))
    lock_public = _expect(answer, PublicKey).key
    key = shared_key(client.private, lock_public)

    answer = yield encode(PublicKey(client.public))
    challenge = _expect(answer, Challenge).nonce
    proof = authenticator(key, client.public + lock_public + challenge)

    answer = yield encode(AuthorizationAuthenticator(proof))
    challenge = _expect(answer, Challenge).nonce
    unproven = AuthorizationData(bytes(32), AppType.APP, app_id, name, nonce)
    proof = authenticator(key, unproven.body + challenge)

    answer = yield encode(AuthorizationData(proof, AppType.APP, app_id, name, nonce))
    granted = _expect(answer, AuthorizationId)
    if not hmac.compare_digest(authenticator(key, granted.body + nonce), granted.authenticator):
        raise PairingFailed("the lock did not prove that it has the shared key")
    proof = authenticator(key, struct.pack("<I", granted.auth_id) + granted.nonce)

    answer = yield encode(AuthorizationIdConfirmation(proof, granted.auth_id))
    if _expect(answer, Status).code != StatusCode.COMPLETE:
        raise PairingFailed("the lock did not complete the pairing")
    return Authorization(granted.auth_id, key, granted.lock_uuid)


def _expect[C: Known](answer: Packet, kind: type[C]) -> C:
    command = decode(answer)
    match command:
        case ErrorReport(code=code):
            meaning = MEANING.get(code, f"the lock refused with error {code:#04x}")
            raise PairingFailed(meaning, code)
        case Unknown(command=Command.AUTHORIZATION_INFO):
            raise UltraUnsupported("a Smart Lock Ultra pairs in a way that is not supported yet")
    if not isinstance(command, kind):
        raise PairingFailed(f"the lock answered {answer.command:#06x} out of turn")
    return command
