"""Commands, which take the same way as those of the cloud, and codes, which are told to people."""

import json

from aiohttp import web
from ulid import ULID

from gatewayd.domain.events.code import CodesRevealed
from gatewayd.domain.ids import CommandId, KeyId, LockId
from gatewayd.errors import Reason, Rejected
from gatewayd.intake.parse import strict_json
from gatewayd.store import commands, journal, views
from gatewayd.web import ask, peer, shapes
from gatewayd.web.parts import Parts
from gatewayd.web.problems import NotFound

ACCEPTED, NOT_ACCEPTED = 202, 422
ISSUER = "local"
FILLED_IN = frozenset({"id", "hub", "ts"})
"""What a command may leave out."""


async def take(parts: Parts, request: web.Request) -> web.Response:
    """A command as on MQTT. `id`, `hub`, `ts` and `issuer` may be left out; one with an id of its
    own can be sent again without being done twice."""
    said = strict_json(await request.read())
    if not isinstance(said, dict):
        raise Rejected(Reason.MALFORMED, "a command is an object")
    whole = {
        "id": str(ULID()),
        "hub": parts.hub,
        "ts": parts.clock.now().latest.isoformat(),
        "issuer": ISSUER,
    } | said
    told = await parts.intake.accept(json.dumps(whole).encode())
    receipt = shapes.Receipt.model_validate_json(told.envelope)
    status = ACCEPTED if receipt.type == "command.accepted" else NOT_ACCEPTED
    return web.json_response(text=receipt.model_dump_json(), status=status)


async def command(parts: Parts, asked: shapes.ById) -> shapes.Command:
    """How it stands with a command that was taken."""
    read, id_ = parts.database.read, CommandId(asked.id)
    taken = await commands.taken(read, id_)
    if taken is None:
        raise NotFound("there is no such command")
    receipt = shapes.Receipt.model_validate_json(taken.receipt)
    keys, locks = await views.waits(read, id_)
    last = await journal.outcome(read, id_) or receipt.type
    state = last.removeprefix("command.")
    if state == "accepted":
        state = "held" if getattr(receipt.data, "held_by", None) else "waiting"
    waiting = [key for id_ in keys for key in await ask.of(parts, shapes.CodesAsked(key=id_))]
    return shapes.Command.model_validate(
        {
            "id": asked.id,
            "type": taken.type,
            "received_at": taken.received_at,
            "receipt": receipt,
            "state": state,
            "keys": waiting,
            "locks": locks,
            "alerts": await ask.alerts_of(parts, keys),
        }
    )


async def reveal(parts: Parts, request: web.Request) -> web.Response:
    """Codes with their digits: told to the cloud and to the journal, with who asked, before they
    are shown."""
    asked = shapes.CodesAsked.model_validate(strict_json(await request.read()))
    keys = await ask.of(parts, asked)
    digits = await views.codes(parts.database.read, [key.key_id for key in keys])
    connection = request.transport.get_extra_info("socket") if request.transport else None
    if connection is None:
        raise ConnectionError("nobody is there any more")
    told = CodesRevealed(
        peer.user(connection),
        tuple(KeyId(key.key_id) for key in keys),
        (LockId(asked.lock),) if asked.lock else (),
    )
    async with parts.database.transaction() as tx:
        await parts.outbox.tell(tx, parts.clock.now(), (told,))
    found = shapes.RevealedCodes(
        codes=tuple(
            shapes.RevealedCode(**dict(key), code=digits[key.key_id].digits)
            for key in keys
            if key.key_id in digits
        )
    )
    return web.json_response(text=found.model_dump_json())
