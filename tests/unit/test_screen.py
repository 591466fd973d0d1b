"""What the command line makes of the daemon's answers, in 80 columns."""

from collections.abc import Callable
from typing import Any

import pytest

from gatewayd.cli import backup_code, history, say, show
from gatewayd.cli.history import _line
from gatewayd.cli.names import called
from gatewayd.cli.progress import working
from gatewayd.cli.screen import Screen
from gatewayd.cli.show import _doors, _locks

NOW = "2026-07-01T12:00:00Z"


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    monkeypatch.setenv("COLUMNS", "80")
    return Screen("Europe/Zurich", NOW)


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (None, "-"),
        ("2026-07-01T07:05:00Z", "09:05"),
        ("2026-07-01T23:00:00Z", "02 Jul 01:00"),
        ("2026-12-01T12:00:00Z", "01 Dec 13:00"),
        ("2027-07-01T12:00:00Z", "01 Jul 2027"),
    ],
)
def test_a_time_is_that_of_the_site(screen: Screen, at: str | None, said: str) -> None:
    assert screen.when(at) == said


def test_long_names_fold_within_80_columns(
    screen: Screen, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = {
        "lock_id": "a-lock-with-a-very-long-id-" * 2,
        "name": "The door of the house behind the old mill at the end of the lane",
        "active": True,
        "online": False,
        "reason": "lock_unreachable",
        "battery": 9,
        "battery_low": True,
        "last_contact": NOW,
        "codes_shown": 1,
        "codes_unshown": 2,
    }
    _locks(screen, {"locks": [lock]})
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    whole = " ".join(" ".join(lines).split())
    assert "1 of 3" in whole
    assert "9 % low" in whole


LONG = "a-key-with-a-very-long-id-of-somebodys-calendar-" * 2
DOOR = {
    "lock_id": "the-door-behind-the-old-mill-at-the-end-of-the-lane",
    "state": "failing",
    "reason": "lock_unreachable",
    "proof": "matched",
    "next_try_at": "2027-07-02T12:05:00Z",
}
KEY = {
    "key_id": LONG,
    "status": "current",
    "starts": "2026-06-28T13:00:00Z",
    "ends": "2026-07-05T09:00:00Z",
    "hours": None,
    "issued_to": LONG,
    "doors": [DOOR, DOOR],
    "alerts": [
        {"severity": "warning", "since": NOW, "text": f"{LONG} is late", "what_to_do": LONG * 2}
    ],
    "code": "12345678",
}
LOCK = DOOR | {
    "name": LONG,
    "driver": "zwave",
    "address": "2",
    "active": True,
    "online": True,
    "last_contact": NOW,
    "battery": 9,
    "battery_low": True,
    "properties": [LONG, LONG],
    "allow_provisioning": False,
    "foreign_slots": [*range(1, 60)],
    "fallback_note": LONG,
    "keys": [KEY],
    "alerts": [],
}
KEYS: dict[str, Any] = {"keys": [KEY, KEY], "codes": [KEY], "next": "more"}


@pytest.mark.parametrize(
    ("draw", "document"),
    [
        (show._keys, KEYS),
        (show._key, KEY),
        (show._lock, LOCK),
        (history._codes, KEYS),
        (history._revealed, KEYS),
        (backup_code._backups, KEYS),
        (say._waiting, KEYS | {"alerts": KEY["alerts"], "locks": [DOOR["lock_id"]]}),
    ],
    ids=["keys", "key", "lock", "codes", "revealed", "backups", "waiting"],
)
def test_every_table_fits_80_columns_and_folds_no_code_and_no_time(
    screen: Screen,
    capsys: pytest.CaptureFixture[str],
    draw: Callable[[Screen, Any], None],
    document: Any,
) -> None:
    draw(screen, document)
    drawn = capsys.readouterr().out
    assert max(map(len, drawn.splitlines())) <= 80
    if draw is history._revealed:
        assert "12345678" in drawn
    if draw in {show._key, say._waiting}:
        assert "02 Jul 2027" in drawn
    assert "".join(drawn.split()).count("a-key") >= 1


def test_progress_is_for_people(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for terminal, said in (("1", True), ("", False)):
        monkeypatch.setenv("FORCE_COLOR", terminal)
        with working("copying"):
            pass
        out, err = capsys.readouterr()
        assert (out, "copying" in err) == ("", said)


def test_of_a_keys_doors_those_are_named_that_are_not_well() -> None:
    def at(lock: str, state: str, reason: str | None = None) -> dict[str, Any]:
        return {"lock_id": lock, "state": state, "reason": reason}

    well = [at("a", "proven"), at("b", "waiting", "not_due")]
    assert _doors(well) == "2 of 2 well"
    failing = at("c", "failing", "lock_full")
    assert _doors([*well, failing]) == "2 of 3 well, c failing (lock full)"
    assert _doors([failing]) == "c failing (lock full)"


def test_a_lock_is_meant_by_its_id_its_name_or_how_one_begins() -> None:
    locks = [
        {"lock_id": "gate", "name": "Garden gate"},
        {"lock_id": "mill-door", "name": "Mill, front"},
        {"lock_id": "mill-loft", "name": "Gate of the mill"},
    ]
    assert called(locks, "gate") == {"gate"}  # whole, though another begins so
    assert called(locks, "GARDEN") == {"gate"}
    assert called(locks, "mill") == {"mill-door", "mill-loft"}
    assert called(locks, "shed") == set()


def test_an_event_is_a_line(screen: Screen) -> None:
    event = {
        "at": NOW,
        "type": "code.failed",
        "lock_id": "gate",
        "key_id": "res:R1",
        "data": {"reason": "refused", "next_try_at": "2026-07-01T12:05:00Z", "doors": [1]},
    }
    line = _line(screen, event)
    assert line == "14:00  code.failed        gate res:R1 reason=refused next_try_at=14:05"
    alert = event | {"type": "alert.raised", "data": {"code": "x", "text": "it is so"}}
    assert _line(screen, alert).endswith("gate res:R1 it is so")
