"""Faults, what the hub does, and which tests inject them.

    python -m tests.catalogue > docs/faults.md

A test, or its whole module, names the faults that it injects in its docstring or in a comment:
fault 20, faults 3, 4.
"""

from tests.requirements import held

FAULTS = {
    1: (
        "the internet is away for 30 days",
        (
            "stays that are known are carried out; events wait"
            " in order, each with its time; beyond 50,000 the oldest telemetry goes, nothing else"
        ),
    ),
    2: ("half-open TCP", "the connection ends after twice the keepalive and is made anew"),
    3: (
        "the broker is up, the cloud's application is not",
        ("events are sent again after 30 s, doubling to 5 min, until they have their receipts"),
    ),
    4: ("a command comes twice", "the same answer, and nothing else"),
    5: ("versions out of order", "the highest wins"),
    6: ("a command that has expired", "`command.expired`, judged on a trusted clock only"),
    7: ("a forged command", ""),
    8: ("a replayed command", ""),
    9: ("a command for another hub", "rejected: `wrong_hub`"),
    10: ("malformed JSON, NaN, keys twice", "rejected, with the path where there is one"),
    11: ("deep nesting", "rejected"),
    12: ("50 MB at once", "rejected: `too_large`; the loop goes on"),
    13: (
        "contradictory reservations",
        (
            "the same code never for two keys that overlap; what cannot"
            " be is refused or held, with an alert"
        ),
    ),
    14: ("10,000 reservations", "a decision costs what it costs with 100 (`make bench`)"),
    15: (
        "the broker forgot the session",
        ("what has no receipt is sent again, `snapshot.wanted`; only a complete snapshot removes"),
    ),
    16: ("a retained command", "rejected: `retained`"),
    17: (
        "everybody reconnects at once",
        "a random wait, below a ceiling that doubles up to a minute",
    ),
    18: (
        "a certificate that is refused: expired, or the clock says 1970",
        ("the locks are served; the broker is tried again"),
    ),
    19: ("dead DNS, a captive portal", "the loop goes on; the next address is tried"),
    20: (
        "kill -9 at any moment",
        (
            "what was begun is read first; never two slots for one key;"
            " a bolt that was asked to turn is told as unknown, and not asked again"
        ),
    ),
    21: ("a power cut", "what was acknowledged is on disk; the ladder goes on at its rung"),
    22: (
        "the disk is full",
        (
            "a ballast file gives way, telemetry is dropped, an alert; then what is to be written"
            " waits, and nothing is acknowledged"
        ),
    ),
    23: (
        "the disk is read-only, or a write fails",
        "the process ends and is started anew, until the disk can be written",
    ),
    24: (
        "an error of fsync",
        "the process ends; only a start tells what is on disk; nothing was acknowledged",
    ),
    25: ("a corrupt page", "found at the start; as a database that is missing"),
    26: ("a torn WAL", "what was committed before is there"),
    27: (
        "an empty or a missing database",
        (
            "put aside; a new epoch, an alert; nothing is removed until site and snapshot have"
            " come; then our codes are found again on the locks"
        ),
    ),
    28: (
        "an upgrade killed midway, a downgrade",
        ("a migration is whole or not at all; a newer schema is refused and not touched"),
    ),
    29: ("two daemons", "the second one says so and ends"),
    30: ("a flood of log lines", "of equal lines ten a minute are written, the rest is summed up"),
    31: (
        "the clock says 1970, or is stale",
        ("in doubt between what is known: nothing is removed or expired by it; an alert"),
    ),
    32: ("the clock steps by days", "the ladder does not move, windows are judged anew"),
    33: (
        "the hour that is missing, and the one that is there twice",
        ("the guest gets the longer reading"),
    ),
    34: ("no tzdata on the machine", "the package brings its own"),
    35: ("little entropy", "keys and codes come from the kernel, which waits until it has enough"),
    36: (
        "an error in the configuration",
        ("each wrong key with its line; exit code 78, and systemd leaves it at that"),
    ),
    37: ("SIGTERM in a write", "what was begun is on disk, and read at the next start"),
    38: (
        "the loop or the store is blocked, a driver hangs",
        "systemd hears nothing for a minute, and ends it; it says where it stood",
    ),
    39: ("a leak", "memory after 10,000 stays is what it was after 2,000 (`make bench`)"),
    40: ("a lock is offline", "the ladder; the others lose nothing"),
    41: ("a lock sleeps, or its battery is empty", "it is asked when it wakes; an alert"),
    42: ("a lock is slow", "its answer is waited for; a late one counts for its own slot"),
    43: (
        "the Z-Wave server dies or hangs in a write",
        ("the outcome is unknown: read before anything else"),
    ),
    44: ("a confirmation is lost", "read, and not written again"),
    45: ("a success that vanishes", "no proof: read again, told, written again"),
    46: ("a lock that masks its codes", "proven by presence, and said so"),
    47: ("an edit at the keypad", "told, and put right as the policy says"),
    48: ("a factory reset, another lock in its place", "all codes are put back, with an alert"),
    49: ("a person's code in the slot", "never overwritten, never cleared"),
    50: ("a full lock", "rank by need; `lock.full` names who has no place"),
    51: ("the lock has that code already", "another one, by handover"),
    52: ("somebody else writes the same slot", "a budget of writes, then an alert"),
    53: ("the Bluetooth adapter goes", "its locks wait for it; others go on"),
    54: ("BlueZ goes", "the same; Z-Wave is not concerned"),
    55: ("a code that does not go at check-out", "the most severe alert, tried for ever"),
    56: ("the radio is jammed", "the ladder of each lock; all are served once the air is free"),
    57: (
        "the broker refuses an event, or closes the connection at it",
        (
            "it is put aside with an alert; the others go on; it is tried again each hour,"
            " after all else"
        ),
    ),
}
"""By number: the fault, and what happens; nothing yet where that is empty."""

NOT_INJECTED = {
    7: "commands are not signed yet",
    8: "commands are not signed yet",
    34: "it is a requirement of the package",
    35: "the kernel's own: getrandom(2)",
    39: "`make bench` (lasting): 10,000 stays come and go through one hub",
}
"""Why no test injects a fault."""


def table() -> str:
    """`docs/faults.md`."""
    tests = held("fault")
    lines = [
        "# What happens when",
        "",
        "Made by `python -m tests.catalogue`. `make faults` runs these tests, the long ones too.",
        "After each end-to-end test `tests/invariants.py` looks into locks, database, cloud, log.",
        "",
        "| # | fault | what the hub does | shown by |",
        "|---|---|---|---|",
    ]
    for number, (fault, does) in FAULTS.items():
        names = "<br>".join(f"`{test}`" for test in tests.get(f"fault {number}", []))
        shown = names or NOT_INJECTED.get(number, "nothing yet")
        lines.append(f"| {number} | {fault} | {does or 'nothing yet'} | {shown} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")
