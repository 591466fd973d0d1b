"""The hub's memory beside a process that only imports the same libraries, and its start."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from bench.figure import Figure
from bench.rig import KINDS, Rig
from bench.shared import Shared

LIMIT = 1.3
TURNS = 3
STARTS, QUICK_STARTS = 3, 1

LIST = """
import json, sys
import gatewayd.__main__, gatewayd.cli.main, gatewayd.app
import gatewayd.locks.zwave.radio, gatewayd.web.door
ours = {"gatewayd", "__main__"}
print(json.dumps([name for name in sys.modules if name.split(".")[0] not in ours]))
"""
"""All that `gatewayd run` imports on a hub with Z-Wave locks and a socket, without gatewayd itself,
in the order of import."""

BARE = """
import contextlib, importlib, json, pathlib, sys
for name in json.load(sys.stdin):
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
status = pathlib.Path("/proc/self/status").read_text()
print(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1])
"""


async def measure(shared: Shared) -> list[Figure]:
    """Resident memory of the hub, connected and after some reservations, ÷ the bare process."""
    site = await shared.site()
    for lock in [*KINDS] * TURNS:
        guest = await site.put(lock)
        await site.confirmed(guest, [lock])
        await site.remove(guest, [lock])
    await site.quiet()
    hub = resident(site.hub.pid)
    starts = [await _restart(site) for _ in range(QUICK_STARTS if shared.quick else STARTS)]
    start = perf_counter()
    modules = json.loads(await _python(LIST))
    imported = perf_counter() - start
    bare = int(await _python(BARE, json.dumps(modules)))
    return [
        Figure(
            "memory",
            "hub ÷ a process with the same imports",
            hub / bare,
            "times",
            LIMIT,
            details={
                "hub_mib": hub / 1024,
                "bare_mib": bare / 1024,
                "libraries": _libraries(modules),
                "start_to_ready_s": min(starts),
                "imports_alone_s": imported,
            },
        )
    ]


async def _restart(site: Rig) -> float:
    """Seconds until the hub says that it is ready, on the database it has."""
    await site.hub.stop()
    start = perf_counter()
    await site.hub.start()
    return perf_counter() - start


def resident(pid: int) -> int:
    """KiB of a process in memory, as /proc says."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(x for x in status.splitlines() if x.startswith("VmRSS:"))
    return int(line.split()[1])


def _libraries(modules: Sequence[str]) -> str:
    """Those that are not Python's own."""
    top = {name.partition(".")[0] for name in modules}
    return " ".join(sorted(x for x in top - sys.stdlib_module_names if not x.startswith("_")))


async def _python(program: str, given: str = "") -> str:
    """What a program prints in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate(given.encode())
    if process.returncode:
        raise RuntimeError(f"python -c ended with status {process.returncode}")
    return said.decode()
