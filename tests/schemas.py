"""Answers held against a printed document."""

from typing import Any

from jsonschema import Draft202012Validator


def fits(document: dict[str, Any], schema: dict[str, Any], answer: object) -> None:
    """Raises where an answer is not as a schema of the document says."""
    whole = schema | {"components": document["components"]}
    checker = Draft202012Validator.FORMAT_CHECKER
    Draft202012Validator(whole, format_checker=checker).validate(answer)
