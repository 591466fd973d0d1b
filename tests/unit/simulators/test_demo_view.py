"""What the booking side of the demo makes of events."""

from typing import Any

from simulators.demo.view import Cell, View

KEY, LOCK = "res:r1", "a"


def event(seq: int, type_: str, **data: object) -> dict[str, Any]:
    return {"seq": seq, "type": type_, "data": {"key_id": KEY, **data}}


def status(seq: int, status: str, *doors: str) -> dict[str, Any]:
    told = {"proof": None, "reason": None, "next_try_at": None}
    listed = [{"lock_id": LOCK, "state": state, **told} for state in doors]
    return event(seq, "key.status", status=status, doors=listed)


def test_what_comes_late_does_not_take_back_a_later_word() -> None:
    view = View()
    view.take(event(7, "code.confirmed", lock_id=LOCK, proof="matched"))
    view.take(status(6, "current", "writing"))
    assert view.cells == {(KEY, LOCK): Cell("proven", "matched")}
    view.take(event(8, "code.lost", lock_id=LOCK))
    assert view.cells[KEY, LOCK].state == "lost"


def test_a_key_that_is_over_has_no_doors_but_those_that_are_told() -> None:
    view = View()
    failed = {"reason": "lock_unreachable", "next_try_at": None}
    view.take(event(1, "code.failed", lock_id=LOCK, **failed))
    view.take(status(2, "current"))
    assert view.cells[KEY, LOCK].state == "failing"
    view.take(status(3, "revoked"))
    assert view.cells[KEY, LOCK] == Cell("removed")
