"""Whether the tests of the domain notice a rule that is broken.

    python -m tests.mutants [--rows] [NAME ...]

mutmut makes one small change at a time in `gatewayd/domain` (a mutant) and runs the tests that come
through it, without a lock, a server or a clock. A mutant that no test fails for is alive, and so is
one that no test comes through. Only the mutants of those names are tried where some are given
(`gatewayd.domain.retry*`). With `--rows` each test that holds a row is then shown one that it kills
by itself (`tests/kills.py`). Made anew each time: what an older test killed counts no more.
"""

import os
import shutil
import subprocess
import sys
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1]
MADE = ROOT / "mutants"
LIMIT = 85.0
"""Percent of the mutants that are killed, at the least."""
KILLED = frozenset({"killed", "timeout"})
"""A mutant that runs for ever is noticed, too."""
MUTMUT = Path(sys.executable).with_name("mutmut")
HARNESS = os.environ | {"HYPOTHESIS_PROFILE": "mutants"}


def run(*names: str) -> None:
    """Try them all, or those named; mutmut shows how far it is."""
    shutil.rmtree(MADE, ignore_errors=True)
    subprocess.run([MUTMUT, "run", *names], cwd=ROOT, env=HARNESS, check=True)


def results(*names: str) -> dict[str, str]:
    """What became of each mutant that was to be tried; of some nothing, if the run was stopped."""
    told = subprocess.run(
        [MUTMUT, "results", "--all", "true"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    each = (line.strip().rpartition(": ") for line in told.stdout.splitlines())
    wanted = names or ("*",)
    return {name: status for name, _, status in each if any(fnmatch(name, some) for some in wanted)}


def main(arguments: list[str]) -> int:
    """0 where enough are killed."""
    names = [name for name in arguments if name != "--rows"]
    run(*names)
    found = results(*names)
    alive = {name: status for name, status in found.items() if status not in KILLED}
    for name, status in sorted(alive.items()):
        print(f"{status:10} {name}")
    if alive:
        print("\nWhat one of them changes: .venv/bin/mutmut show NAME")
    score = 100 * (len(found) - len(alive)) / len(found)
    counts = ", ".join(f"{n} {status}" for status, n in Counter(found.values()).most_common())
    print(
        f"{len(found)} mutants: {counts}; {score:.1f} % killed, at least {LIMIT:.0f} % wanted",
        flush=True,
    )
    if "--rows" in arguments:
        kills = [sys.executable, "-m", "pytest", "-q", "-p", "tests.kills", "tests/unit/domain"]
        done = subprocess.run([*kills, "tests/properties"], cwd=MADE, env=HARNESS, check=False)
        if done.returncode:
            return done.returncode
    return 0 if score >= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
