"""Whose turn it is on a radio, and with how many others."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from gatewayd.reconciler.turns import Turns, Urgency

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


class Door:
    """Somebody who wants a turn: `inside` while it has it; `then` is called when it was given
    back."""

    def __init__(self, turns: Turns, minutes: int = 0, *, in_doubt: bool = False) -> None:
        self.inside = False
        self.then: Callable[[], None] = lambda: None
        self._turns, self._over = turns, asyncio.Event()
        self._urgency = Urgency(in_doubt, NOON + timedelta(minutes=minutes))
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with self._turns.take(self._urgency):
            self.inside = True
            await self._over.wait()
        self.inside = False
        self.then()

    async def goes(self) -> None:
        """It gives its turn back."""
        self._over.set()
        await self._task

    def gives_up(self) -> None:
        """It does not want one any more."""
        self._task.cancel()


async def inside(*doors: Door) -> list[bool]:
    """Who has a turn, when all who could have one do."""
    for _ in range(5):
        await asyncio.sleep(0)
    return [door.inside for door in doors]


@pytest.mark.parametrize("sessions", [1, 2])
async def test_so_many_have_a_turn_and_the_most_urgent_comes_next(sessions: int) -> None:
    turns = Turns(sessions)
    first = [Door(turns) for _ in range(sessions)]
    late, soon = Door(turns, 20), Door(turns, 10)
    assert await inside(*first, late, soon) == [True] * sessions + [False, False]
    await first[0].goes()
    assert await inside(late, soon) == [False, True]
    await soon.goes()
    assert await inside(late) == [True]


async def test_a_lock_in_doubt_has_its_turn_alone() -> None:
    turns = Turns(2)
    sound, doubtful = Door(turns), Door(turns, in_doubt=True)
    assert await inside(sound, doubtful) == [True, False]
    other = Door(turns, 10)
    assert await inside(other, doubtful) == [True, False]
    await sound.goes()
    assert await inside(doubtful) == [False]
    await other.goes()
    last = Door(turns)
    assert await inside(doubtful, last) == [True, False]
    await doubtful.goes()
    assert await inside(last, Door(turns)) == [True, True]


async def test_who_gives_up_keeps_nobody_out() -> None:
    turns = Turns(2)
    first, second, third, fourth, fifth = (Door(turns) for _ in range(5))
    assert await inside(first, second, third) == [True, True, False]
    third.gives_up()
    first.then = fourth.gives_up  # in the moment in which it is let in
    await first.goes()
    assert await inside(second, fourth, fifth) == [True, False, True]
    second.gives_up()
    assert await inside(Door(turns)) == [True]
