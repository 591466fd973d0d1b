"""For each test of the domain that holds a row a mutant that it kills by itself.

A pytest plugin for the copy of the project that `tests/mutants.py` leaves in `mutants/`: there a
mutant is chosen by the environment. Each such test is run alone, with one mutant after the other
that it comes through and that some test killed, until it fails; without any it passes, which mutmut
has seen before. Fails where a row has such tests and none of them kills anything.
"""

import json
import os
import signal
from collections import defaultdict
from pathlib import Path
from types import FrameType

import pytest
from _pytest.runner import runtestprotocol

from tests.requirements import tests_in

TRIES = 100
"""So many mutants are tried with a test: first one of each function, those of few tests first."""
LONGEST = 60
"""Seconds after which a test has failed: with that mutant it runs for ever."""
KILLED = 1
"""pytest's exit code where a test failed."""
CHOICE = "MUTANT_UNDER_TEST"


class Stopped(BaseException):
    """A test ran for too long."""


def stop(_signal: int, _frame: FrameType | None) -> None:
    """As a signal's handler."""
    raise Stopped


def mutants_by_test() -> dict[str, list[str]]:
    """The killed mutants that each test comes through, in the order in which to try them."""
    covering = json.loads(Path("mutmut-stats.json").read_text())["tests_by_mangled_function_name"]
    found: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for file in Path("gatewayd/domain").rglob("*.meta"):
        for mutant, code in json.loads(file.read_text())["exit_code_by_key"].items():
            function, _, number = mutant.rpartition("__mutmut_")
            tests = covering.get(function, ())
            for test in tests if code == KILLED else ():
                found[test].append((int(number), len(tests), mutant))
    return {test: [mutant for *_, mutant in sorted(mutants)] for test, mutants in found.items()}


def fails(item: pytest.Item, mutant: str) -> bool:
    """Whether a test fails with a mutant."""
    os.environ[CHOICE] = mutant
    signal.alarm(LONGEST)
    try:
        return any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))
    finally:
        signal.alarm(0)
        os.environ[CHOICE] = ""


def kill(items: list[pytest.Item], mutants: dict[str, list[str]]) -> str | None:
    """A mutant that a test kills, with one set of its parameters or another."""
    for item in items:
        for mutant in mutants.get(item.nodeid, ())[:TRIES]:
            if fails(item, mutant):
                return mutant
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """In place of the tests as they are."""
    signal.signal(signal.SIGALRM, stop)
    mutants = mutants_by_test()
    by_test: dict[tuple[Path, str], list[pytest.Item]] = defaultdict(list)
    for item in session.items:
        by_test[item.path, item.name.partition("[")[0]].append(item)
    kills: dict[str, int] = {}
    tests = killers = 0
    for (path, test), items in by_test.items():
        if rows := dict(tests_in(path)).get(test):
            mutant = kill(items, mutants)
            tests, killers = tests + 1, killers + (mutant is not None)
            for row in rows:
                kills[row] = kills.get(row, 0) + (mutant is not None)
            about = f"{', '.join(sorted(rows))}: {path.name}: {test}"
            print(f"{about} {f'kills {mutant}' if mutant else 'KILLS NONE'}", flush=True)
    bare = ", ".join(sorted(row for row, count in kills.items() if not count))
    print(
        f"{tests} tests of the domain hold {len(kills)} rows; {killers} of them kill a mutant alone"
    )
    if bare:
        print(f"no test of these rows does: {bare}")
        session.testsfailed = 1
    return True
