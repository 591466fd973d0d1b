"""`pytest -m requirement`: the tests that hold a requirement, and one line for each requirement;
`-m fault`: those that inject a fault of the catalogue; `--seed`: the random ones of another run."""

import os
import re
from random import SystemRandom

import pytest

from tests.requirements import ROWS, tests_in


def pytest_addoption(parser: pytest.Parser) -> None:
    """So that a run of random faults can be had again; all workers of a run have one seed."""
    seed = os.environ.setdefault("GATEWAYD_TEST_SEED", str(SystemRandom().randrange(10**6)))
    parser.addoption("--seed", type=int, default=int(seed))


def pytest_report_header(config: pytest.Config) -> str:
    """What to run it again with."""
    return f"faults: --seed {config.getoption('seed')}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what holds a row or injects a fault, before `-m` selects, where it asks for them."""
    if not re.search("requirement|fault", config.getoption("markexpr")):
        return
    for item in items:
        named = tests_in(item.path).get(item.name.partition("[")[0], set())
        if named - ROWS.keys():
            item.add_marker("fault")
        if rows := named & ROWS.keys():
            item.add_marker("requirement")
            item.user_properties.append(("rows", sorted(rows)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Each row's outcome, where they were asked for."""
    if terminalreporter.config.getoption("markexpr") != "requirement":
        return
    counts = {row: {"passed": 0, "failed": 0} for row in ROWS}
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, ()):
            for row in dict(report.user_properties).get("rows", ()):
                counts[row]["passed" if outcome == "passed" else "failed"] += 1
    terminalreporter.section("requirements")
    for row, count in counts.items():
        verdict = "FAILED" if count["failed"] else "ok" if count["passed"] else "no test"
        terminalreporter.write_line(f"{row:13} {verdict:8} {count['passed']:4} {ROWS[row]}")
