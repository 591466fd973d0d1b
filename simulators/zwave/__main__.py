"""python -m simulators.zwave: a Z-Wave network of simulated locks, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path

from simulators.child import until_signal
from simulators.zwave import NODES, SLOTS, ZwaveSimulator

_LOCKS = "\n".join(f"  {number}  {what}" for number, what in NODES.items())
EPILOG = f"""\
The locks:
{_LOCKS}

When the locks are interviewed one line is printed:

  ready ws://127.0.0.1:3000 http://127.0.0.1:3001

The first address speaks the protocol of zwave-js-server, the second is the control port:

  GET  /nodes, /nodes/N          the locks as they are: faults, codes, battery, mode
  GET  /frames                   serial frames, and gets and sets per lock; POST starts anew
  POST /air                      {{"jammed": true}}: no frame gets through; GET: whether
  POST /nodes/N/faults           {{"dead": true}} replaces all faults; {{}} is healthy
  POST /nodes/N/keypad           {{"code": "123456"}}: a person types; "slot", "action", "style"
  POST /nodes/N/code             {{"slot": 3, "code": "7777"}}: foreign code; null empties the slot
  POST /nodes/N/delete           {{"slot": 3}}: deleted at the keypad; {{}} deletes all
  POST /nodes/4/assign           {{"slot": 3, "userId": 2}}: the code becomes another user's
  POST /nodes/4/user             {{"userId": 1, "name": "Ann", "cards": {{"1": "04a1b2c3"}}}}
  POST /nodes/3/zone             {{"minutes": 60}}: the lock's local time, ahead of UTC
  POST /nodes/N/notify           {{"type": 6, "event": 11, "params": []}}
  POST /nodes/N/battery          {{"level": 9, "low": true}}
  POST /nodes/N/wakeup, /sleep   for lock 6
  POST /nodes/N/alive            the lock is heard of

Faults: dead mute delayMs lateAckMs rejectAll maxCodes allowDuplicates silentDuplicates dropWrites
corruptReadback truncate vanishAfterMs obfuscate clearAs0000 lieEmptyOnce notifyCodeEvents jams
travelS dropSchedules refuseSchedules clampsStart keepsZone clockAheadS.

Try it:

  python -m simulators.zwave --ws-port 3000 --control-port 3001 --nodes 2,3
  curl -d '{{"slot": 1, "code": "123456"}}' http://127.0.0.1:3001/nodes/2/code
  curl -d '{{"code": "123456"}}' http://127.0.0.1:3001/nodes/2/keypad
"""


def _nodes(text: str) -> tuple[int, ...]:
    wanted = tuple(int(part) for part in text.split(",") if part.strip().isdigit())
    if not wanted or len(wanted) != text.count(",") + 1 or not set(wanted) <= set(NODES):
        raise argparse.ArgumentTypeError(f"want some of {','.join(map(str, NODES))}, not {text}")
    return wanted


def _slots(text: str) -> int:
    if not text.isdigit() or int(text) not in SLOTS:
        raise argparse.ArgumentTypeError(f"want {SLOTS[0]} to {SLOTS[-1]}, not {text}")
    return int(text)


def parse(arguments: list[str]) -> ZwaveSimulator:
    """The simulator that the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators.zwave",
        description="Real zwave-js driver and server on a simulated controller and locks.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--ws-port", type=int, default=0, metavar="P", help="zwave-js-server's; 0 (default): any")
    add("--control-port", type=int, default=0, metavar="P", help="0 (default): any free one")
    add("--nodes", type=_nodes, default=tuple(NODES), metavar="N,N", help="which locks; all")
    add("--slots", type=_slots, default=30, metavar="N", help="codes per lock; 30")
    add("--memory", type=Path, metavar="FILE", help="keeps what the locks hold, as real ones do")
    add("--cache", type=Path, metavar="DIR", help="keeps zwave-js's cache, for a quicker start")
    add("--tx-delay", type=int, default=0, metavar="MS", help="per frame on air; 0, real: 10 up")
    options = parser.parse_args(arguments)
    return ZwaveSimulator(**vars(options))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C before the handlers stand
        sys.exit(asyncio.run(until_signal(parse(sys.argv[1:]))))
