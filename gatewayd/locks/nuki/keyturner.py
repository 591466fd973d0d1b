"""The lock's state and battery, and the command that moves its bolt.

Nuki Smart Lock API 2.1, "Keyturner States", "Battery Report" and "Lock Action". Older
firmware sends fewer bytes, newer more. Readers differ on the night mode: ronengr/pyNukiBT takes two
bytes, I-Connect/NukiBleEsp32, in use with many locks, one; so does this.
"""

import struct
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import ClassVar, Self

from gatewayd.locks.nuki.exchange import NONCE_SIZE
from gatewayd.locks.nuki.identifiers import Command
from gatewayd.locks.nuki.states import (
    Action,
    Completion,
    DoorSensor,
    LockState,
    NukiState,
    Trigger,
)
from gatewayd.locks.nuki.times import pack_date, read_date
from gatewayd.locks.nuki.wire import Reader, exactly, known


@dataclass(frozen=True, slots=True)
class Battery:
    """The state byte of a battery: bit 0 critical, bit 1 charging, from bit 2 half the percent."""

    byte: int

    @property
    def critical(self) -> bool:
        """The lock's own warning."""
        return bool(self.byte & 0b1)

    @property
    def charging(self) -> bool:
        """Only a power pack charges."""
        return bool(self.byte & 0b10)

    @property
    def percent(self) -> int | None:
        """None where it is 0, which is how older firmware leaves it."""
        return (self.byte >> 2) * 2 or None


@dataclass(frozen=True, slots=True)
class KeyturnerStates:
    """The state; None is what this lock's firmware does not send.

    `timezone_offset` is in minutes, `lock_n_go_timer` in seconds. `config_update_count` changes
    with each change of the configuration.
    """

    command: ClassVar = Command.KEYTURNER_STATES
    nuki_state: NukiState | int
    lock_state: LockState | int
    trigger: Trigger | int
    current_time: datetime | None
    timezone_offset: int
    battery: Battery
    config_update_count: int | None = None
    lock_n_go_timer: int | None = None
    last_action: Action | int | None = None
    last_trigger: Trigger | int | None = None
    last_completion: Completion | int | None = None
    door_sensor: DoorSensor | int | None = None
    nightmode: int | None = None
    accessory_battery: int | None = None

    @property
    def keypad_battery_critical(self) -> bool | None:
        """The keypad's own warning; None where the lock does not tell."""
        if self.accessory_battery is None or not self.accessory_battery & 0b1:
            return None
        return bool(self.accessory_battery & 0b10)

    def pack(self) -> bytes:
        """nuki state@0, lock state@1, trigger@2, time@3, time zone@10, battery@12, configuration
        update count@13, lock'n'go timer@14, last action@15, its trigger@16 and completion@17, door
        sensor@18, night mode@19, accessory battery@20; it ends before the first that is None.
        """
        tail = bytearray()
        for name in _TAIL:
            value = getattr(self, name)
            if value is None:
                break
            tail.append(value)
        head = struct.pack("<BBB", self.nuki_state, self.lock_state, self.trigger)
        zone = struct.pack("<hB", self.timezone_offset, self.battery.byte)
        return head + pack_date(self.current_time) + zone + bytes(tail)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """At least 13 bytes; what follows the accessory battery is ignored."""
        fields = Reader(payload)
        nuki_state = known(NukiState, fields.u8())
        lock_state = known(LockState, fields.u8())
        trigger = known(Trigger, fields.u8())
        at = read_date(fields)
        offset, battery = fields.numbers("hB")
        return cls(
            nuki_state,
            lock_state,
            trigger,
            at,
            offset,
            Battery(battery),
            config_update_count=_byte(fields),
            lock_n_go_timer=_byte(fields),
            last_action=_member(Action, fields),
            last_trigger=_member(Trigger, fields),
            last_completion=_member(Completion, fields),
            door_sensor=_member(DoorSensor, fields),
            nightmode=_byte(fields),
            accessory_battery=_byte(fields),
        )


_TAIL = (
    "config_update_count",
    "lock_n_go_timer",
    "last_action",
    "last_trigger",
    "last_completion",
    "door_sensor",
    "nightmode",
    "accessory_battery",
)
"""What older firmware leaves out, from the end; one byte each."""


def _byte(fields: Reader) -> int | None:
    return fields.u8() if fields.left else None


def _member[E: IntEnum](kind: type[E], fields: Reader) -> E | int | None:
    return known(kind, fields.u8()) if fields.left else None


@dataclass(frozen=True, slots=True)
class MotorTurn:
    """What the battery went through when the motor last turned.

    Millivolts, degrees turned, degrees Celsius, milliamperes, milliohms.
    """

    action: Action | int
    start_voltage: int
    lowest_voltage: int
    distance: int
    start_temperature: int
    max_current: int
    resistance: int


@dataclass(frozen=True, slots=True)
class BatteryReport:
    """Drain of the last action in milliwatt seconds, voltage in millivolts."""

    command: ClassVar = Command.BATTERY_REPORT
    drain: int
    voltage: int
    battery: Battery
    turn: MotorTurn | None = None

    _TURN: ClassVar = "BHHHbHH"

    def pack(self) -> bytes:
        """drain@0, voltage@2, battery@4, action@5, start voltage@6, lowest voltage@8, distance@10,
        temperature@12, current@13, resistance@15.
        """
        report = struct.pack("<HHB", self.drain, self.voltage, self.battery.byte)
        turn = self.turn
        if turn is None:
            return report
        return report + struct.pack(
            "<" + self._TURN,
            turn.action,
            turn.start_voltage,
            turn.lowest_voltage,
            turn.distance,
            turn.start_temperature,
            turn.max_current,
            turn.resistance,
        )

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """At least 5 bytes; a turn that is not whole and what follows the 17th are ignored."""
        fields = Reader(payload)
        drain, voltage, battery = fields.u16(), fields.u16(), Battery(fields.u8())
        if fields.left < struct.calcsize("<" + cls._TURN):
            return cls(drain, voltage, battery)
        action, *turned = fields.numbers(cls._TURN)
        return cls(drain, voltage, battery, MotorTurn(known(Action, action), *turned))


@dataclass(frozen=True, slots=True)
class LockAction:
    """Moves the bolt; answered by ACCEPTED, states and COMPLETE. It needs a challenge, no PIN.

    Flags: bit 0 auto-unlock, bit 1 forced.
    """

    command: ClassVar = Command.LOCK_ACTION
    action: Action | int
    app_id: int
    flags: int
    nonce: bytes = field(repr=False)

    def pack(self) -> bytes:
        """action@0, app-id@1, flags@5, nonce@6."""
        action = struct.pack("<BIB", self.action, self.app_id, self.flags)
        return action + exactly(self.nonce, NONCE_SIZE)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """Strict; without the name suffix that may stand before the nonce."""
        fields = Reader(payload)
        action, app_id, flags = known(Action, fields.u8()), fields.u32(), fields.u8()
        nonce = fields.take(NONCE_SIZE)
        fields.end()
        return cls(action, app_id, flags, nonce)
