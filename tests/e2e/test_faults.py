"""What breaks, and what happens then; each fault is real."""

import asyncio
import json
import sys

import pytest

from tests.e2e.conftest import NODES, V1, V2, V2_S2, House, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOCKED = 255
"""The mode of a bolt, as Z-Wave numbers it."""


async def test_a_dead_lock_holds_up_no_other_and_is_served_when_it_returns(house: House) -> None:
    # S3-13, sufferings 7 and 8, fault 40
    await house.zwave.faults(V1, dead=True)
    await house.site(*NODES)
    command = await house.book()
    code = await house.code()
    for node in NODES[1:]:
        await house.told("code.confirmed", lock_id=f"l{node}")
        assert await house.codes(node) == [code]
    failed = await house.told("code.failed", lock_id=f"l{V1}")
    assert failed["data"]["reason"] == "lock_unreachable"
    assert failed["data"]["attempt"] == 1
    await house.told("lock.offline", lock_id=f"l{V1}")
    await house.zwave.faults(V1)
    await house.cloud.done(command, within=20)  # not after the ladder's minute
    await house.told("lock.online", lock_id=f"l{V1}")
    assert await house.codes(V1) == [code]


@pytest.mark.long
async def test_a_jammed_radio_is_told_of_every_lock_and_all_are_served_after_it(
    house: House,
) -> None:
    # fault 56
    await house.site(V1, V2_S2, V2)
    await house.cloud.done(await house.book("r1"))
    first = await house.code("r1")
    await house.settled(f"l{V1}")
    await house.zwave.jam()
    command = await house.book("r2")
    for node in (V1, V2_S2, V2):
        failed = await house.told("code.failed", within=60, lock_id=f"l{node}")
        assert failed["data"]["reason"] == "lock_unreachable"
        await house.told("alert.raised", code="lock_offline", subject=f"l{node}")
        assert await house.codes(node) == [first]
    await house.zwave.jam(on=False)
    await house.cloud.done(command, within=90)
    for node in (V1, V2_S2, V2):
        assert await house.codes(node) == sorted([first, await house.code("r2")])


@pytest.mark.parametrize(
    "kill", [pytest.param(False, marks=pytest.mark.long), True], ids=["SIGTERM", "SIGKILL"]
)
async def test_a_hub_that_ends_in_the_middle_of_a_write_leaves_one_slot(
    house: House, kill: bool
) -> None:
    # Faults 20, 37
    await house.site(V2_S2)
    await house.zwave.faults(V2_S2, delayMs=700)
    await house.zwave.reset_frames()
    command = await house.book()

    async def write_began() -> bool:
        return await house.exchanges(V2_S2, "set") > 0

    await eventually(write_began)
    if kill:
        await house.hub.kill()
    else:
        assert await house.hub.stop() == 0
    await house.zwave.faults(V2_S2)
    await house.hub.start()
    await house.cloud.done(command)
    assert await house.codes(V2_S2) == [await house.code()]


@pytest.mark.parametrize(
    "kill", [False, pytest.param(True, marks=pytest.mark.long)], ids=["SIGHUP", "SIGKILL"]
)
async def test_a_bolt_that_a_hub_s_end_cuts_off_is_told_and_not_asked_again(
    house: House, kill: bool
) -> None:
    # fault 20
    await house.site(V1)
    await house.settled(f"l{V1}")
    await house.zwave.faults(V1, mute=True)
    data = {"lock_id": f"l{V1}", "action": "unlock"}
    command = await house.cloud.send("lock.operate", data)
    await house.cloud.answer(command)
    if kill:
        await house.hub.kill()
        await house.hub.start()
    else:
        await house.hub.reload(house.hub.config())
    answer = await house.told("command.rejected", reason="unknown_outcome", retryable=False)
    assert "the hub stopped" in answer["data"]["message"]
    await house.zwave.faults(V1)
    await house.cloud.done(await house.book())
    assert (await house.zwave.node(V1))["mode"] == LOCKED
    told = [event["type"] for event in house.cloud.events if event["cause"] == command]
    assert told == ["command.accepted", "command.rejected"]


async def test_while_the_broker_is_down_the_locks_are_kept_and_it_is_told_later(
    house: House,
) -> None:
    # Fault 1
    await house.site(V2)
    await house.cloud.done(await house.book())
    await house.broker.stop()
    try:
        await house.zwave.set_code(V2, 1, None)
        await house.zwave.notify(V2, 6, 0x0C)  # all codes deleted
        await house.holds(V2, await house.code())
        assert house.count("lock.reset") == 0
    finally:
        await house.broker.start()
    await house.told("lock.reset", lock_id=f"l{V2}")
    await house.told_times(2, "code.confirmed", lock_id=f"l{V2}")


async def test_the_zwave_server_killed_and_started_again(house: House) -> None:
    # Fault 43
    # fault 43; the locks' memory is theirs
    await house.site(V2)
    await house.cloud.done(await house.book("r1"))
    await house.zwave.kill()
    command = await house.book("r2")
    await house.code("r2")
    assert house.count("code.failed", key_id="res:r2") == 0  # not ready is not a failed attempt
    await house.zwave.restart()
    await house.cloud.done(command, within=60)
    assert await house.codes(V2) == sorted([await house.code("r1"), await house.code("r2")])


@pytest.mark.parametrize("node", [pytest.param(V1, marks=pytest.mark.long), V2])
async def test_a_write_that_the_lock_drops_is_told_and_tried_on_the_ladder(
    house: House, node: int
) -> None:
    # S0-1, fault 45
    await house.zwave.faults(node, dropWrites=True)
    await house.site(node)
    await house.book()
    failed = await house.told("code.failed", lock_id=f"l{node}")
    assert failed["data"]["reason"] == "mismatch"
    assert failed["data"]["next_try_at"] > failed["ts"]
    assert house.count("code.confirmed") == 0


async def test_a_removal_that_does_not_remove_is_the_most_severe_alert(house: House) -> None:
    # suffering 16, fault 55; fault 55
    await house.site(V2)
    await house.cloud.done(await house.book())
    await house.zwave.faults(V2, dropWrites=True)
    await house.cloud.send("reservation.cancel", {"id": "r1", "version": 2})
    await house.told("code.removal_failed", lock_id=f"l{V2}")
    alert = await house.told("alert.raised", code="removal_failed")
    assert alert["data"]["severity"] == "critical"
    await house.zwave.faults(V2)


async def test_bad_messages_are_answered_and_the_link_stays_up(house: House) -> None:
    # Fault 10
    # faults 10, 11, 12, 16
    await house.site(V2)
    publish = house.cloud.publish
    publish("cmd/reservation.put", b"\xff\xfe")
    await house.told("command.rejected", reason="malformed")
    publish("cmd/reservation.put", b'{"id": NaN}')
    publish("cmd/reservation.put", b"[" * 200_000)
    publish("cmd/reservation.put", b'"' + b"x" * 5_000_000 + b'"')
    await house.told("command.rejected", reason="too_large")
    publish("cmd/report", json.dumps({"id": "a"}).encode(), retain=True)
    await house.cloud.until(lambda e: e["type"] == "command.rejected" and e["cause"] == "a")
    publish("cmd/report", b"", retain=True)
    await house.cloud.done(await house.book())
    assert await house.codes(V2) == [await house.code()]
    assert house.count("hub.started") == 1
    assert house.count("snapshot.wanted") == 1


async def test_a_second_daemon_on_the_same_database_says_so_and_ends(house: House) -> None:
    # Fault 29
    config = house.hub.folder / "gatewayd.toml"
    second = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gatewayd", "run", "--config", str(config),
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await asyncio.wait_for(second.communicate(), 20)
    assert second.returncode == 1
    assert b"another gatewayd" in said


async def test_the_summary_tells_doors_leases_and_locks_and_no_code(house: House) -> None:
    await house.site(V2)
    await house.cloud.done(await house.book())
    await house.cloud.done(await house.cloud.send("report", {}))
    code = await house.code()

    async def reported() -> bool:
        return bool(house.cloud.retained.get("reported", {}).get("keys"))

    await eventually(reported)
    summary = house.cloud.retained["reported"]
    assert summary["keys"][0]["doors"][0]["state"] == "proven"
    assert summary["leases"][0]["slot"] == 1
    assert summary["locks"][0]["online"] is True
    assert code not in json.dumps(summary)
    assert "Zyxwvut" not in json.dumps(summary)
