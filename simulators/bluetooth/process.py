"""The simulator's own process: python -m simulators.bluetooth.process FOLDER SETTING.

Prints one line of JSON when it is ready. Ends on SIGTERM, or when its stdin does: then nobody is
left to remove the folder.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import sys
from pathlib import Path

from simulators.bluetooth.control import serving
from simulators.bluetooth.daemon import address
from simulators.bluetooth.world import Setting, world


async def run(folder: Path, setting: Setting) -> None:
    """Until it shall end."""
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end.set)
    loop.add_reader(sys.stdin.fileno(), _orphaned, folder, end)
    async with world(setting, folder) as made, serving(made, setting.control_port) as port:
        ready = {"bus": address(folder), "control_port": port}
        print(json.dumps(ready), flush=True)
        await end.wait()


def _orphaned(folder: Path, end: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        shutil.rmtree(folder, ignore_errors=True)
        end.set()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(run(Path(sys.argv[1]), Setting(**json.loads(sys.argv[2]))))
