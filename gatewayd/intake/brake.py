"""The brake: nobody cancels this much by intention, so it waits for a person."""

from gatewayd.intake.change import Change
from gatewayd.store import commands, keys

KEYS = 3
SHARE = 0.3
"""A command that removes more than max(3, 30 %) of the live keys is held."""


class TooMuch(Exception):
    """The command would remove more than the brake lets through."""


async def brake(change: Change) -> None:
    """Look at what a command has changed, before that is committed.

    Raises:
        TooMuch: it is to be rolled back and held.
    """
    removed = len(change.withdrawn)
    if removed <= KEYS:
        return
    held = await commands.booked(change.tx)
    there = await keys.live(change.tx, change.now, held)
    before = there + len(change.withdrawn - held) - len(change.granted - held)
    if removed > SHARE * before:
        raise TooMuch
