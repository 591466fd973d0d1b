"""Bytes to a command, or a clear rejection. Nothing here changes anything."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from gatewayd.errors import Reason, Rejected
from gatewayd.intake.envelopes import COMMAND, Command

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32


def parse(payload: bytes) -> Command:
    """A checked command.

    Raises:
        Rejected: `too_large`, `malformed`, `unknown_type`, `missing_field` or `invalid_field`.
    """
    try:
        return _validated(payload)
    except ValidationError as error:
        raise _complaints(error)[0] from None  # the cause would carry the values


def faults(payload: bytes) -> list[Rejected]:
    """All that `parse` has against a command; it raises the first."""
    try:
        _validated(payload)
    except Rejected as why:
        return [why]
    except ValidationError as error:
        return _complaints(error)
    return []


def _validated(payload: bytes) -> Command:
    if len(payload) > MAX_BYTES:
        raise Rejected(
            Reason.TOO_LARGE, f"{len(payload)} bytes; a message has at most {MAX_BYTES}: send parts"
        )
    strict_json(payload)
    return COMMAND.validate_json(payload, strict=True)


def claimed_id(payload: bytes) -> str | None:
    """The id that a bad command claims to have, so that its sender can tell which one it was."""
    try:
        id_ = strict_json(payload[:MAX_BYTES]).get("id")
    except (Rejected, AttributeError):
        return None
    return id_ if isinstance(id_, str) and 0 < len(id_) <= 64 else None  # noqa: PLR2004  # a ULID has 26


def strict_json(payload: bytes) -> Any:
    """JSON without NaN, duplicate keys or deep nesting."""
    try:
        value = json.loads(
            payload.decode(), parse_constant=_no_constant, object_pairs_hook=_no_duplicates
        )
    except UnicodeDecodeError:
        raise Rejected(Reason.MALFORMED, "not UTF-8") from None
    except RecursionError:
        raise Rejected(Reason.MALFORMED, f"nested deeper than {MAX_DEPTH}") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise Rejected(Reason.MALFORMED, f"not JSON: {error.msg} at {where}") from None
    except ValueError:
        raise Rejected(Reason.MALFORMED, "a number is too long") from None
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [x for v in level for x in _children(v)]
        if not level:
            return value
    raise Rejected(Reason.MALFORMED, f"nested deeper than {MAX_DEPTH}")


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _no_constant(name: str) -> Any:
    raise Rejected(Reason.MALFORMED, f"{name} is not JSON")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Rejected(Reason.MALFORMED, "a key appears twice in one object")
    return value


def checked[M: BaseModel](model: type[M], document: Mapping[str, Any], path: str = "data") -> M:
    """A document held against its schema.

    Raises:
        Rejected: the first thing that is wrong with it, with its path below `path`.
    """
    try:
        return model.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        raise _complaints(error, path)[0] from None


def _complaints(error: ValidationError, within: str = "") -> list[Rejected]:
    """One for each field, in our words, without the value."""
    found: dict[str, Rejected] = {}
    for complaint in error.errors(include_url=False, include_input=False, include_context=False):
        loc = complaint["loc"] if within else complaint["loc"][1:]  # a command's begins with a type
        # a union's branches are not fields
        path = ".".join(filter(None, [within, *(str(p) for p in loc if "[" not in str(p))]))
        found.setdefault(path, _in_our_words(complaint["type"], path, complaint["msg"]))
    return list(found.values())


def _in_our_words(kind: str, path: str, message: str) -> Rejected:
    match kind:
        case "union_tag_invalid":
            return Rejected(Reason.UNKNOWN_TYPE, "no such command type", path="type")
        case "union_tag_not_found":
            return Rejected(Reason.MISSING_FIELD, "type is missing", path="type")
        case "json_invalid":
            return Rejected(Reason.MALFORMED, "not JSON: a lone surrogate, or the like")
        case "missing":
            return Rejected(Reason.MISSING_FIELD, f"{path} is missing", path=path)
        case _:
            return Rejected(Reason.INVALID_FIELD, message, path=path)
