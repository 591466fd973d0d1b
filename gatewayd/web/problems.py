"""Whatever cannot be answered becomes a problem: in our words, and without any value."""

import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog
from aiohttp import web
from pydantic import ValidationError

from gatewayd.errors import Reason, Rejected, UnknownSubject
from gatewayd.web.shapes import Problem

log = structlog.get_logger(__name__)

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class NotFound(Exception):
    """There is no such thing; the text names its kind."""


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every failure of a handler as its problem."""
    try:
        return await handler(request)
    except Rejected as why:
        return problem(400, Problem(reason=why.reason, message=why.message, path=why.path))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = ".".join(map(str, first["loc"]))
        reason = Reason.MISSING_FIELD if first["type"] == "missing" else Reason.INVALID_FIELD
        return problem(400, Problem(reason=reason, message=first["msg"], path=path))
    except (NotFound, UnknownSubject) as missing:
        return problem(404, Problem(reason="not_found", message=str(missing)))
    except TimeoutError:
        return problem(
            503,
            Problem(
                reason="timeout",
                message="the hub is busy; what was said may be done all the same: look first",
            ),
        )
    except web.HTTPRequestEntityTooLarge:
        message = "a request has at most 256 KiB"
        return problem(413, Problem(reason=Reason.TOO_LARGE, message=message))
    except web.HTTPNotFound:
        return problem(404, Problem(reason="not_found", message="there is no such path"))
    except web.HTTPException as error:
        return problem(error.status, Problem(reason=Reason.MALFORMED, message=error.reason))
    except Exception as error:  # its text may hold a code
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(where.filename).name}:{where.lineno}"
        log.error("local.failed", path=request.path, error=type(error).__name__, at=place)
        message = "the hub failed at this; its log says where"
        return problem(500, Problem(reason="internal", message=message))


def problem(status: int, what: Problem) -> web.Response:
    """As an answer."""
    return web.Response(
        status=status, text=what.model_dump_json(), content_type="application/problem+json"
    )
