"""What can be asked and said at the local door, and by what it is described."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, get_args

from aiohttp import web
from pydantic import BaseModel

from gatewayd.intake.envelopes import Command
from gatewayd.web import ask, follow, say, shapes
from gatewayd.web.openapi import Operation, openapi
from gatewayd.web.parts import Parts

ANSWERS_WITHIN = 30.0
"""Seconds for a request, its body included; a disk that stays full takes longer. A command may be
stored all the same."""

type Answer = Callable[[Parts, web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """How a request is answered, and how that is described."""

    operation: Operation
    answer: Answer


def _asking[A: shapes.Asked](
    path: str,
    asked: type[A],
    question: Callable[[Parts, A], Awaitable[BaseModel]],
    answer: type[BaseModel],
    live: Callable[[Parts, A, web.Request], Awaitable[web.StreamResponse]] | None = None,
) -> Route:
    """A question, whose words stand in the path and the query; `live`: as a stream."""

    async def answered(parts: Parts, request: web.Request) -> web.StreamResponse:
        words = asked.model_validate(_words(request))
        if live is not None and follow.STREAM in request.headers.get("Accept", ""):
            return await live(parts, words, request)
        async with asyncio.timeout(ANSWERS_WITHIN):
            found = await question(parts, words)
        return web.json_response(text=found.model_dump_json())

    described = question.__doc__ or ""
    streams = follow.STREAM if live else None
    return Route(Operation("GET", path, described, asked, answer, streams=streams), answered)


def _saying(
    path: str,
    body: tuple[type[BaseModel], ...],
    word: Answer,
    answer: type[BaseModel],
    *status: int,
    optional: frozenset[str] = frozenset(),
) -> Route:
    """A word, which stands in the body."""

    async def answered(parts: Parts, request: web.Request) -> web.StreamResponse:
        shapes.Nothing.model_validate(_words(request))
        async with asyncio.timeout(ANSWERS_WITHIN):
            return await word(parts, request)

    described, nothing = word.__doc__ or "", shapes.Nothing
    return Route(
        Operation("POST", path, described, nothing, answer, body, optional, status), answered
    )


def _words(request: web.Request) -> dict[str, str]:
    """Of the path and of the query; of one that is said twice the last."""
    return {**request.match_info, **request.query}


async def _described(parts: Parts, _: web.Request) -> web.StreamResponse:
    """This description."""
    whole = await asyncio.to_thread(document, parts.version)  # it takes a tenth of a second
    return web.json_response(whole)


def document(version: str) -> dict[str, Any]:
    """The whole door as OpenAPI 3.1."""
    return openapi(version, [route.operation for route in ROUTES])


ROUTES = (
    _asking("/v1/status", shapes.Nothing, ask.hub, shapes.Hub),
    _asking("/v1/locks", shapes.Nothing, ask.locks, shapes.Locks),
    _asking("/v1/locks/{id}", shapes.ById, ask.lock, shapes.LockInFull),
    _asking("/v1/keys", shapes.KeysAsked, ask.keys, shapes.Keys),
    _asking("/v1/keys/{id}", shapes.ById, ask.key, shapes.KeyInFull),
    _asking("/v1/codes", shapes.CodesAsked, ask.codes, shapes.Keys),
    _asking("/v1/why/{id}", shapes.ById, ask.why, shapes.Why),
    _saying("/v1/codes/reveal", (shapes.CodesAsked,), say.reveal, shapes.RevealedCodes, 200),
    _asking("/v1/events", shapes.EventsAsked, follow.events, shapes.Events, follow.stream),
    _saying(
        "/v1/commands",
        get_args(Command),
        say.take,
        shapes.Receipt,
        say.ACCEPTED,
        say.NOT_ACCEPTED,
        optional=say.FILLED_IN,
    ),
    _asking("/v1/commands/{id}", shapes.ById, say.command, shapes.Command),
    Route(
        Operation("GET", "/v1/openapi.json", _described.__doc__ or "", shapes.Nothing, None),
        _described,
    ),
)
