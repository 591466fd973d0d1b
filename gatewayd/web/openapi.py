"""The local door as OpenAPI 3.1, made from the shapes that it takes and answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from inspect import cleandoc
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gatewayd.web.shapes import Asked, Problem

REF = "#/components/schemas/{model}"
DESCRIPTION = """What is answered at the hub itself: HTTP on a unix socket (`[local] socket` in its
configuration), for the members of its group."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One request. `answer`: None where it is this document itself; `body`: one of these, in which
    the fields `optional` may be left out; `streams`: the kind of a second form of the answer."""

    method: str
    path: str
    described: str
    asked: type[Asked]
    answer: type[BaseModel] | None
    body: tuple[type[BaseModel], ...] = ()
    optional: frozenset[str] = frozenset()
    status: tuple[int, ...] = (200,)
    streams: str | None = None


def openapi(version: str, operations: Sequence[Operation]) -> dict[str, Any]:
    """The whole document."""
    answers = {op.answer for op in operations if op.answer} | {Problem}
    taken = {model: op for op in operations for model in op.body}
    models = sorted(answers | taken.keys(), key=lambda model: model.__name__)
    _, found = models_json_schema(
        [(model, "validation" if model in taken else "serialization") for model in models],
        ref_template=REF,
    )
    components: dict[str, Any] = dict(found["$defs"])
    for model, op in taken.items():
        schema = components[model.__name__]
        if op.optional:
            schema["required"] = [x for x in schema["required"] if x not in op.optional]
    paths: dict[str, Any] = {}
    for op in operations:
        paths.setdefault(op.path, {})[op.method.lower()] = _operation(op)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gatewayd, the local door",
            "version": version,
            "description": cleandoc(DESCRIPTION).replace("\n", " "),
        },
        "servers": [{"url": "http://localhost"}],
        "paths": paths,
        "components": {"schemas": dict(sorted(components.items()))},
    }


def _operation(op: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "description": cleandoc(op.described).replace("\n", " "),
        "parameters": _parameters(op),
        "responses": {
            **{str(status): _response(op, status) for status in op.status},
            "default": {
                "description": "There is no such answer.",
                "content": {"application/problem+json": {"schema": _ref(Problem)}},
            },
        },
    }
    if op.body:
        one, *more = [_ref(model) for model in op.body]
        schema = {"oneOf": [one, *more]} if more else one
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    return described


def _response(op: Operation, status: int) -> dict[str, Any]:
    schema = _ref(op.answer) if op.answer else {"type": "object"}
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    if op.streams:
        content[op.streams] = {"schema": {"type": "string"}}
    return {"description": HTTPStatus(status).phrase, "content": content}


def _parameters(op: Operation) -> list[dict[str, Any]]:
    schema = op.asked.model_json_schema()
    found = []
    for name, about in schema.get("properties", {}).items():
        in_path = f"{{{name}}}" in op.path
        parameter = {
            "name": name,
            "in": "path" if in_path else "query",
            "required": in_path or name in schema.get("required", ()),
            "schema": about,
        }
        if about.get("type") == "array":  # with commas
            parameter |= {"style": "form", "explode": False}
        found.append(parameter)
    return found


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REF.format(model=model.__name__)}
