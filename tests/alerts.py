"""Each alert, what it means and what mends it, from the table that the hub itself uses.

python -m tests.alerts > docs/alerts.md
"""

from gatewayd.domain.health import ALERTS, REMEDIES, Severity

SOON = {
    Severity.CRITICAL: "Now: a door opens that should not, or stays shut",
    Severity.WARNING: "Before the next arrival",
    Severity.NOTICE: "When convenient",
}


def page() -> str:
    """`docs/alerts.md`."""
    lines = [
        "# Alerts",
        "",
        "Made by `python -m tests.alerts`. For the night: [operations.md](operations.md).",
        "*x* is the lock, key or radio that an alert names. It ends when its cause has ended.",
    ]
    for severity, soon in SOON.items():
        lines += ["", f"## {soon} (`{severity}`)", ""]
        lines += ["| alert | meaning | mend |", "|---|---|---|"]
        lines += [
            f"| `{code}` | {kind.text.format(subject='*x*')} | {kind.what_to_do} |"
            for code, kind in ALERTS.items()
            if kind.severity is severity
        ]
    lines += ["", "## What helps against a reason", ""]
    lines += ["An alert about a code says why it is not on the door. Then this helps as well.", ""]
    lines += ["| reason | mend |", "|---|---|"]
    lines += [f"| `{reason}` | {remedy} |" for reason, remedy in REMEDIES.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
