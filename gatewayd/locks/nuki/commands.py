"""From a packet to a command and back."""

from gatewayd.locks.nuki.exchange import (
    Challenge,
    ErrorReport,
    RequestData,
    Status,
    Unknown,
    UpdateTime,
    VerifySecurityPin,
)
from gatewayd.locks.nuki.frames import Packet
from gatewayd.locks.nuki.handshake import (
    AuthorizationAuthenticator,
    AuthorizationData,
    AuthorizationId,
    AuthorizationIdConfirmation,
    PublicKey,
)
from gatewayd.locks.nuki.keypad import (
    AddKeypadCode,
    KeypadCode,
    KeypadCodeCount,
    KeypadCodeId,
    RemoveKeypadCode,
    RequestKeypadCodes,
    UpdateKeypadCode,
)
from gatewayd.locks.nuki.keyturner import BatteryReport, KeyturnerStates, LockAction
from gatewayd.locks.nuki.log_entries import LogEntry, LogEntryCount, RequestLogEntries
from gatewayd.locks.nuki.wire import Malformed

type Known = (
    RequestData
    | PublicKey
    | Challenge
    | AuthorizationAuthenticator
    | AuthorizationData
    | AuthorizationId
    | AuthorizationIdConfirmation
    | KeyturnerStates
    | LockAction
    | Status
    | BatteryReport
    | ErrorReport
    | VerifySecurityPin
    | UpdateTime
    | RequestLogEntries
    | LogEntry
    | LogEntryCount
    | AddKeypadCode
    | KeypadCodeId
    | RequestKeypadCodes
    | KeypadCodeCount
    | KeypadCode
    | UpdateKeypadCode
    | RemoveKeypadCode
)
"""Commands that can be sent."""

KINDS: tuple[type[Known], ...] = Known.__value__.__args__
_BY_NUMBER = {int(kind.command): kind for kind in KINDS}


def encode(command: Known) -> Packet:
    """The packet of a command.

    Raises:
        ValueError: a field cannot be written; the text does not hold it.
    """
    return Packet(command.command, command.pack())


def decode(packet: Packet) -> Known | Unknown:
    """The command in a packet.

    Raises:
        Malformed: too short, or where locks are strict, of another length.
    """
    kind = _BY_NUMBER.get(packet.command)
    if kind is None:
        return Unknown(packet.command)
    try:
        return kind.unpack(packet.payload)
    except Malformed as error:
        raise Malformed(f"{kind.command.name} {packet.command:#06x}: {error}") from None
