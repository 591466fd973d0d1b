"""The scenario: scenes in their order, and what is noted where one of them breaks."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

from simulators.demo import inn, mill, scenes, trouble, verdict
from simulators.demo.stage import Stage

type Scene = Callable[[Stage], Awaitable[None]]

SCENES: tuple[Scene, ...] = (
    scenes.opening,
    scenes.arrivals,
    mill.ahead,
    scenes.leaving,
    scenes.revival,
    scenes.cancellation,
    mill.lost_link,
    mill.silence,
    trouble.power_cut,
    trouble.outage,
    inn.silent_lock,
    inn.rotation,
    inn.room_change,
    inn.revoked_door,
    inn.same_digits,
    scenes.departure,
    mill.check_in,
    verdict.accounts,
)
LONGEST_S = 85.0
"""All scenes together, start-up included; what is not over by then has failed."""


async def play(stage: Stage) -> None:
    """Play all scenes; what breaks in one is noted, and the next is played."""
    for scene in SCENES:
        try:
            async with asyncio.timeout(max(0.0, LONGEST_S - stage.seconds)):
                await scene(stage)
        except Exception as error:  # whatever breaks in a scene is an expectation that failed
            frames = traceback.extract_tb(error.__traceback__)
            ours = [frame for frame in frames if Path(frame.filename).parent.name == "demo"]
            where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"
            name = scene.__name__.replace("_", " ")
            stage.expect(
                f"scene {name} is played to its end",
                False,
                f"{type(error).__name__} {error} at {where}",
            )
            if scene is scenes.opening:
                return  # there is no site
