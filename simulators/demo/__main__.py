"""python -m simulators.demo: a minute on a site of simulated locks."""

import asyncio
import contextlib
import json
import logging
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import click
import structlog
from rich.console import Console
from rich.live import Live

from simulators.broker import Kind
from simulators.child import SimulatorError
from simulators.demo import scenes
from simulators.demo.play import play
from simulators.demo.screen import Screen
from simulators.demo.site import NODES, NUKIS
from simulators.demo.stage import Stage


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 90})
@click.option("--once", is_flag=True, help="One pass without a screen, then end.")
@click.option("--json-only", is_flag=True, help="With --once: print nothing but the verdict.")
@click.option(
    "--broker",
    "kind",
    type=click.Choice(["mosquitto", "iotcore"]),
    help="Which broker to start; mosquitto where there is one.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Leave database and logs in this folder; else they are left only where something fails.",
)
def main(once: bool, json_only: bool, kind: Kind | None, keep: Path | None) -> None:
    """A busy minute of a holiday rental site, on this machine, with simulated locks.

    Starts a broker, eight Z-Wave locks behind the real zwave-js server, two Nuki locks behind a
    simulated BlueZ, the hub as a process of its own, and a booking side with three calendars. Then
    guests come, extend, cancel and leave, a lock is dead and revived, a Bluetooth link breaks in
    the middle of a write and BlueZ is gone for a while, the hub is killed in the middle of a write,
    and the broker goes down. At an inn a guest before a dead lock gets a backup code, another one
    changes rooms, a door is taken from a key and given back, and a lock refuses a code.

    Without --once you watch it; then everything keeps running until Ctrl-C, and you can type a
    code at a door yourself. With --once, or without a terminal, the last line is JSON:

    \b
      {"ok": true, "seconds": 45.1, "expectations": [{"name": "...", "ok": true}, ...]}

    and the exit code is 0 only if every expectation held in the locks' own memory.
    """
    if keep is not None and keep.is_dir() and any(keep.iterdir()):
        raise click.BadParameter(f"{keep} is not empty", param_hint="--keep")
    # What is done here with the hub's own code is not for the screen.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        sys.exit(asyncio.run(_run(once, json_only, kind, keep)))
    except (SimulatorError, RuntimeError) as error:  # a part did not start; it says why
        raise click.ClickException(str(error)) from None
    except asyncio.CancelledError:
        sys.exit(130)


async def _run(once: bool, json_only: bool, kind: Kind | None, keep: Path | None) -> int:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    folder = keep or Path(tempfile.mkdtemp(prefix="gatewayd-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    code = 130
    try:
        if once or not sys.stdout.isatty():
            code = await _once(folder, (lambda _: None) if json_only else _plain, kind)
        else:
            code = await _watched(folder, kind)
    finally:
        if keep is None and code != 1:  # what went wrong can be read there
            shutil.rmtree(folder, ignore_errors=True)
    return code


async def _once(folder: Path, say: Callable[[str], None], kind: Kind | None) -> int:
    stage = Stage(folder, say, kind)
    try:
        async with stage, _behind(stage):
            await play(stage)
    except (SimulatorError, RuntimeError, OSError, TimeoutError) as error:
        stage.expect("all parts start and stop", False, f"{type(error).__name__}: {error}")
    if not stage.ok:
        say(f"database and logs are left in {folder}")
    print(json.dumps(_verdict(stage)), flush=True)
    return 0 if stage.ok else 1


async def _watched(folder: Path, kind: Kind | None) -> int:
    screen, console = Screen(), Console()
    stage = Stage(folder, screen.said.append, kind)
    console.print("starting a broker and ten simulated locks ...")
    over = False
    try:
        async with stage, _behind(stage), asyncio.TaskGroup() as group:
            with Live(console=console, screen=True) as live:
                drawing = group.create_task(screen.show(stage, live))
                await play(stage)
                over = True
                gate = f"{stage.locks.control}/nodes/{NODES['gate']}/keypad"
                mill = f"{stage.nukis.control}/locks/{NUKIS['mill-door']}/keypad"
                stage.say(
                    "that was it; everything keeps running until Ctrl-C. Be a guest at the"
                    " gate, or at the mill:"
                )
                for keypad in (gate, mill):
                    stage.say(f'  curl -d \'{{"code": "..."}}\' {keypad}')
                stage.say(f"or look at the hub's page, {stage.hub.url}, or ask: {stage.question}")
                await scenes.questions(stage)
                await drawing
    except asyncio.CancelledError:  # Ctrl-C is how one leaves
        if (task := asyncio.current_task()) is not None:
            task.uncancel()
    for each in stage.expectations:
        colour = "green" if each.ok else "red"
        console.print(
            f"[{colour}]{'ok' if each.ok else 'NOT SO':>6}[/]  {each.name}  {each.detail}"
        )
    if not over:
        return 130
    return 0 if stage.ok else 1


@contextlib.asynccontextmanager
async def _behind(stage: Stage) -> AsyncIterator[None]:
    """The booking side's own work, for as long as the block lasts."""

    async def watch() -> None:
        async for event in stage.cloud.follow():
            stage.view.take(event)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(watch()), group.create_task(stage.bookings.follow())]
        yield
        for task in tasks:
            task.cancel()


def _plain(text: str) -> None:
    print(text, flush=True)


def _verdict(stage: Stage) -> dict[str, Any]:
    return {
        "ok": stage.ok,
        "seconds": round(stage.seconds, 1),
        "expectations": [
            {"name": e.name, "ok": e.ok, **({"detail": e.detail} if e.detail else {})}
            for e in stage.expectations
        ],
    }


if __name__ == "__main__":
    main()
