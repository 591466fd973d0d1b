"""Identifiers, each a type of its own."""

from typing import NewType

PropertyId = NewType("PropertyId", str)
LockId = NewType("LockId", str)
ReservationId = NewType("ReservationId", str)
KeyId = NewType("KeyId", str)
CommandId = NewType("CommandId", str)
