"""What a lock says of its bolt, its door and its motor: the numbers and their names.

Nuki Smart Lock API 2.1, "Keyturner States", "Lock Action" and "Log Entry".
"""

from enum import IntEnum


class NukiState(IntEnum):
    """What the lock is busy with."""

    UNINITIALIZED = 0x00
    PAIRING_MODE = 0x01
    DOOR_MODE = 0x02
    MAINTENANCE_MODE = 0x04


class LockState(IntEnum):
    """Where the bolt is."""

    UNCALIBRATED = 0x00
    LOCKED = 0x01
    UNLOCKING = 0x02
    UNLOCKED = 0x03
    LOCKING = 0x04
    UNLATCHED = 0x05
    UNLOCKED_LOCK_N_GO = 0x06
    UNLATCHING = 0x07
    CALIBRATION = 0xFC
    BOOT_RUN = 0xFD
    MOTOR_BLOCKED = 0xFE
    UNDEFINED = 0xFF


class Trigger(IntEnum):
    """What set a lock action off; SYSTEM is Bluetooth."""

    SYSTEM = 0x00
    MANUAL = 0x01
    BUTTON = 0x02
    AUTOMATIC = 0x03
    AUTO_LOCK = 0x06


class Action(IntEnum):
    """What the motor is to do, or did."""

    NONE = 0x00
    UNLOCK = 0x01
    LOCK = 0x02
    UNLATCH = 0x03
    LOCK_N_GO = 0x04
    LOCK_N_GO_UNLATCH = 0x05
    FULL_LOCK = 0x06
    FOB_ACTION_1 = 0x81
    FOB_ACTION_2 = 0x82
    FOB_ACTION_3 = 0x83


class Completion(IntEnum):
    """How a lock action ended."""

    SUCCESS = 0x00
    MOTOR_BLOCKED = 0x01
    CANCELED = 0x02
    TOO_RECENT = 0x03
    BUSY = 0x04
    LOW_MOTOR_VOLTAGE = 0x05
    CLUTCH_FAILURE = 0x06
    MOTOR_POWER_FAILURE = 0x07
    INCOMPLETE = 0x08
    INVALID_CODE = 0xE0
    OTHER_ERROR = 0xFE
    UNKNOWN = 0xFF


class DoorSensor(IntEnum):
    """What the door sensor says."""

    UNAVAILABLE = 0x00
    DEACTIVATED = 0x01
    DOOR_CLOSED = 0x02
    DOOR_OPENED = 0x03
    DOOR_STATE_UNKNOWN = 0x04
    CALIBRATING = 0x05
    UNCALIBRATED = 0x10
    REMOVED = 0xF0
    UNKNOWN = 0xFF
