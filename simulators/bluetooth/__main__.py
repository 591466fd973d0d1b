"""python -m simulators.bluetooth: simulated Nuki locks behind a BlueZ, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys

from simulators.bluetooth import BluetoothSimulator, Setting
from simulators.child import until_signal

EPILOG = """\
When BlueZ answers and the locks advertise, two lines are printed:

  DBUS_SYSTEM_BUS_ADDRESS=unix:path=/tmp/gatewayd-simulator-x/bus
  ready http://127.0.0.1:3002

The first is all that a client of BlueZ needs in its environment, the second is the control port:

  GET  /locks, /locks/N           the locks as they are: codes, log, clock, battery, commands heard
  POST /locks/N/faults            {"silent": true} replaces all faults; {} is healthy
  POST /locks/N/button            pairing mode, for a while
  POST /locks/N/keypad            {"code": "345678"}: a person types; "action": unlock, lock
  POST /locks/N/turn              {"action": "lock"}: a person turns the knob
  POST /locks/N/code              {"code": "345678", "name": "x"}: foreign code; "id", "remove",
                                  "enabled", "from", "until", "weekdays", "from_time",
                                  "until_time", "unchecked": whatever the lock's rules say
  POST /locks/N/clock             {"skew_s": 259200, "drift": 0.01, "timezone": "Europe/Berlin"}
  POST /locks/N/battery           {"percent": 9, "critical": true, "keypad_critical": true}
  POST /locks/N/keypad_present    {"present": false}
  POST /locks/N/pin               {"pin": 4321}: sets the security PIN, ends a lock-out
  POST /locks/N/capacity          {"codes": 5, "authorisations": 1}
  POST /locks/N/authorise         {}: pairs past the radio, answers auth_id, shared_key and pin
  POST /locks/N/forget            {"auth_id": 2}; {} removes all authorisations
  POST /locks/N/rssi              {"adapter": "hci0", "rssi": -80}; null: out of reach
  POST /locks/N/reset             as at the start, but for who is paired
  GET  /bus/faults                BlueZ and its adapters
  POST /bus/faults                {"in_progress": 2}, {"connection_abort": 1},
                                  {"connection_canceled": 1}: of Connect calls
                                  {"connect_ms": 12000}: longer for each connection, {"slots": 5}
                                  {"service_rights": false}, {"bluez": false}: gone, true: back
                                  {"adapter": "hci0", "powered": false}; the same with "plugged"
                                  {"bus": false}: kills dbus-daemon, for good

Faults: silent out_of_range drop_before drop_after mute busy full duplicate reject wrong_crc garbage
slow_ms fragments list_shrinks no_status. drop_after is {"command": "add_keypad_code"}, mute the
command's name.

Try it:

  python -m simulators.bluetooth --control-port 3002
  curl -d '{"code": "345678", "name": "guest"}' http://127.0.0.1:3002/locks/1/code
  curl -d '{"code": "345678"}' http://127.0.0.1:3002/locks/1/keypad
"""


def parse(arguments: list[str]) -> BluetoothSimulator:
    """The simulator that the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators.bluetooth",
        description="Simulated Nuki locks with keypads behind a BlueZ on a private D-Bus.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    usual = Setting()
    add = parser.add_argument
    add("--locks", type=int, default=1, metavar="N", help="how many; 1")
    add("--adapters", type=int, default=1, metavar="N", help="hci0 and on; 1")
    add("--control-port", type=int, default=0, metavar="P", help="0 (default): any free one")
    add("--codes", type=int, default=usual.codes, metavar="N", help="room for codes; %(default)s")
    add("--pin", type=int, default=usual.pin, metavar="PIN", help="security PIN; %(default)s")
    add("--timezone", default=usual.timezone, metavar="ZONE", help="of the locks; %(default)s")
    add("--memory", metavar="FILE", help="keeps what the locks hold, as real ones do")
    add("--slots", type=int, default=usual.slots, metavar="N", help="links per adapter; 7")
    seconds = {
        "--idle-s": (usual.idle_s, "a lock ends a link that says nothing"),
        "--pairing-s": (usual.pairing_s, "pairing mode ends"),
        "--temporary-s": (usual.temporary_s, "BlueZ forgets a device it no longer hears"),
    }
    for name, (default, what) in seconds.items():
        add(name, type=float, default=default, metavar="S", help=f"after which {what}; {default}")
    ms = usual.advertise_ms
    add("--advertise-ms", type=float, default=ms, metavar="MS", help=f"between two; {ms}")
    try:
        return BluetoothSimulator(**vars(parser.parse_args(arguments)))
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C before the handlers stand
        sys.exit(asyncio.run(until_signal(parse(sys.argv[1:]))))
