"""The lock's side of the handshake that makes a client an authorised one.

Nuki Smart Lock API 2.1, "Authorize App": keys are exchanged in the clear, then each side proves
that it has computed the same shared key.
"""

from __future__ import annotations

import secrets
import struct
from dataclasses import dataclass
from typing import Final

from simulators.bluetooth.codes import Refused
from simulators.bluetooth.commands import COMPLETE
from simulators.bluetooth.lock import Lock
from simulators.bluetooth.wire import (
    NONCE_BYTES,
    Command,
    ErrorCode,
    Frame,
    authenticator,
    shared_key,
    unpack_text,
)

AUTHORIZATION_DATA_BYTES: Final = 101  # authenticator, type, app, name, nonce
CONFIRMATION_BYTES: Final = 36  # authenticator, authorisation


@dataclass(frozen=True, slots=True)
class _Applicant:
    type: int
    app_id: int
    name: str


class Handshake:
    """One attempt over one link. A step out of turn is a bad parameter."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self._their_key: bytes | None = None
        self._key = b""
        self._challenge = b""
        self._proven = False
        self._applicant: _Applicant | None = None

    def answer(self, frame: Frame) -> Frame:
        """The next step. Raises Refused."""
        payload = frame.payload
        match frame.command:
            case Command.REQUEST_DATA:
                return self._public_key(payload)
            case Command.PUBLIC_KEY if len(payload) == 32:
                self._their_key = payload
                self._key = shared_key(payload, self._lock.private)
                return self._new_challenge()
            case Command.AUTHORIZATION_AUTHENTICATOR if self._their_key:
                keys = self._their_key + self._lock.public
                self._prove(payload, keys, self._challenge)
                self._proven = True
                return self._new_challenge()
            case Command.AUTHORIZATION_DATA if self._proven:
                return self._authorization_id(payload)
            case Command.AUTHORIZATION_ID_CONFIRMATION if self._applicant:
                return self._confirm(payload, self._applicant)
            case Command.PUBLIC_KEY:
                raise Refused(ErrorCode.BAD_LENGTH)
            case (
                Command.AUTHORIZATION_AUTHENTICATOR
                | Command.AUTHORIZATION_DATA
                | Command.AUTHORIZATION_ID_CONFIRMATION
            ):
                raise Refused(ErrorCode.PAIRING_BAD_PARAMETER)
            case _:
                raise Refused(ErrorCode.UNKNOWN)

    def _public_key(self, payload: bytes) -> Frame:
        if payload != struct.pack("<H", Command.PUBLIC_KEY):
            raise Refused(ErrorCode.PAIRING_BAD_PARAMETER)
        if not self._lock.is_pairing:
            raise Refused(ErrorCode.NOT_PAIRING)
        return Frame(Command.PUBLIC_KEY, self._lock.public)

    def _authorization_id(self, payload: bytes) -> Frame:
        if len(payload) != AUTHORIZATION_DATA_BYTES:
            raise Refused(ErrorCode.BAD_LENGTH)
        proof, said = payload[:32], payload[32:]
        self._prove(proof, said, self._challenge)
        self._lock.check_room()
        type_, app_id = struct.unpack_from("<BI", said)
        self._applicant = _Applicant(type_, app_id, unpack_text(said[5:37]))
        self._challenge = secrets.token_bytes(NONCE_BYTES)
        id_ = struct.pack("<I", self._lock.next_authorisation)
        content = id_ + self._lock.uuid + self._challenge
        proof = authenticator(self._key, content, said[37:])
        return Frame(Command.AUTHORIZATION_ID, proof + content)

    def _confirm(self, payload: bytes, applicant: _Applicant) -> Frame:
        if len(payload) != CONFIRMATION_BYTES:
            raise Refused(ErrorCode.BAD_LENGTH)
        if not self._lock.is_pairing:  # its time ran out, or somebody else was faster
            raise Refused(ErrorCode.NOT_PAIRING)
        self._prove(payload[:32], payload[32:], self._challenge)
        self._lock.authorise(self._key, applicant.type, applicant.app_id, applicant.name)
        self._applicant = None
        return COMPLETE

    def _new_challenge(self) -> Frame:
        self._challenge = secrets.token_bytes(NONCE_BYTES)
        return Frame(Command.CHALLENGE, self._challenge)

    def _prove(self, proof: bytes, *content: bytes) -> None:
        if proof != authenticator(self._key, *content):
            raise Refused(ErrorCode.BAD_AUTHENTICATOR)
