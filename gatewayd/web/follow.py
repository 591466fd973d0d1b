"""What was told: a page of the journal, or each event as it comes (server-sent events).

Who follows is woken at each commit and reads the journal from where he is: nothing is kept for
him, and one who does not read what he gets is let go.
"""

import asyncio

import structlog
from aiohttp import web

from gatewayd.domain.ids import KeyId, LockId
from gatewayd.errors import Reason, Rejected
from gatewayd.store import journal
from gatewayd.web import shapes
from gatewayd.web.parts import Parts

log = structlog.get_logger(__name__)

HEARTBEAT = 15.0
"""Seconds after which a comment says that the line still is there."""
SLOW = 10.0
"""Seconds that a reader may leave a full line unread."""
PAGE = 100
STREAM = "text/event-stream"
DIGITS = 19
"""From so many on a number may be beyond what SQLite counts with."""


async def events(parts: Parts, asked: shapes.EventsAsked) -> shapes.Events:
    """What was told, the newest first, in pages; with `Accept: text/event-stream` each event as it
    comes, from `Last-Event-ID` on."""
    found = await journal.last(
        parts.database.read,
        lock=LockId(asked.lock) if asked.lock else None,
        key=KeyId(asked.key) if asked.key else None,
        types=asked.type or None,
        before=asked.before,
        limit=asked.limit + 1,
    )
    page = found[: asked.limit]
    return shapes.Events(
        events=tuple(_shape(entry) for entry in page),
        next=page[-1].seq if len(found) > len(page) else None,
    )


async def stream(
    parts: Parts, asked: shapes.EventsAsked, request: web.Request
) -> web.StreamResponse:
    """Each event as it comes, for as long as somebody reads."""
    last = request.headers.get("Last-Event-ID", "")
    if last and not (last.isdecimal() and len(last) < DIGITS):
        raise Rejected(Reason.INVALID_FIELD, "not a number", path="Last-Event-ID")
    seq = int(last) if last else await journal.end(parts.database.read)
    response = web.StreamResponse(headers={"Cache-Control": "no-store"})
    response.content_type = STREAM
    await response.prepare(request)
    with parts.followers.one() as news:
        try:
            await _say(response, ": from here on\n\n")
            while not parts.followers.closed:
                news.clear()
                seq = await _tell(parts, asked, seq, response)
                try:
                    async with asyncio.timeout(HEARTBEAT):
                        await news.wait()
                except TimeoutError:
                    await _say(response, ": still here\n\n")
        except (TimeoutError, ConnectionError):
            log.info("local.reader_dropped", path=request.path)
            if request.transport is not None:
                request.transport.abort()
    return response


async def _tell(
    parts: Parts, asked: shapes.EventsAsked, seq: int, response: web.StreamResponse
) -> int:
    """All that came after a place; where that ends."""
    while True:
        found = await journal.following(
            parts.database.read,
            seq,
            lock=LockId(asked.lock) if asked.lock else None,
            key=KeyId(asked.key) if asked.key else None,
            types=asked.type or None,
            limit=PAGE,
        )
        for entry in found:
            said = _shape(entry).model_dump_json()
            await _say(response, f"id: {entry.seq}\nevent: {entry.type}\ndata: {said}\n\n")
            seq = entry.seq
        if len(found) < PAGE:
            return seq


async def _say(response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(SLOW):
        await response.write(text.encode())


def _shape(entry: journal.Entry) -> shapes.Event:
    return shapes.Event.model_validate(entry, from_attributes=True)
