"""What the demo's verdict takes for a lock's backup codes."""

from types import SimpleNamespace
from typing import Any, cast

from simulators.demo.stage import Stage
from simulators.demo.verdict import backups


def told(seq: int, type_: str, label: str = "Backup-1", **data: object) -> dict[str, Any]:
    return {"seq": seq, "type": type_, "data": {"lock_id": "a", "label": label, **data}}


def test_a_backup_counts_until_it_is_rotated_and_the_next_one_after() -> None:
    events = [
        told(4, "backup.rotated"),  # it came late
        told(1, "backup.ready", code="1111"),
        told(2, "backup.ready", "Backup-2", code="2222"),
        told(3, "backup.issued", code="1111"),
    ]
    stage = cast("Stage", SimpleNamespace(cloud=SimpleNamespace(events=events)))
    assert backups(stage) == [("a", "2222")]
    events.append(told(5, "backup.ready", code="3333"))
    assert sorted(backups(stage)) == [("a", "2222"), ("a", "3333")]
