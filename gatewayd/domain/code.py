"""A code: the PIN of a key. Its repr shows nothing; its digits are asked for by name."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from random import Random

from gatewayd.errors import Reason, Rejected


@dataclass(frozen=True, slots=True, repr=False)
class Code:
    """A string of digits, leading zeros kept."""

    digits: str

    def __post_init__(self) -> None:
        if not (self.digits.isascii() and self.digits.isdigit()):
            raise ValueError("a code is a string of digits")

    def __repr__(self) -> str:
        return "Code(hidden)"


@dataclass(frozen=True, slots=True)
class CodeRules:
    """What a lock accepts: length in digits, alphabet, forbidden beginnings."""

    shortest: int = 4
    longest: int = 8
    alphabet: frozenset[str] = frozenset("0123456789")
    forbidden_prefixes: frozenset[str] = frozenset()

    def allow(self, code: Code) -> bool:
        """Whether the lock would accept this form."""
        return (
            self.shortest <= len(code.digits) <= self.longest
            and self.alphabet.issuperset(code.digits)
            and not code.digits.startswith(tuple(self.forbidden_prefixes))
        )


ANY_CODE = CodeRules()
"""What a lock without rules of its own takes: Z-Wave User Code, four to eight digits."""

DEFAULT_FORM = CodeRules(6, 6, frozenset("123456789"), frozenset({"12"}))
"""Fits every lock known, those not yet seen included: Nuki takes six digits 1 to 9, not 12…"""

ATTEMPTS = 200
"""Draws before giving up: with half of all codes taken, 200 misses have a chance of 2^-200."""


def common(rules: list[CodeRules]) -> CodeRules:
    """The form that every lock accepts.

    Raises:
        Rejected: `rules_conflict` where there is none; two codes are never given.
    """
    form = reduce(
        lambda a, b: CodeRules(
            max(a.shortest, b.shortest),
            min(a.longest, b.longest),
            a.alphabet & b.alphabet,
            a.forbidden_prefixes | b.forbidden_prefixes,
        ),
        rules,
        ANY_CODE,
    )
    if form.shortest > form.longest or not form.alphabet:
        raise Rejected(Reason.RULES_CONFLICT, "the locks of this key have no common code form")
    return form


def weak(code: Code) -> bool:
    """Whether a passer-by would try it: one digit, a run, or a pair repeated."""
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(code.digits)}
    repeated = len(set(code.digits[::2])) == 1 and len(set(code.digits[1::2])) == 1
    return repeated or steps in ({1}, {9})


def candidates(rules: CodeRules, length: int | None, rng: Random) -> Iterator[Code]:
    """Random codes, the default form where the rules and the wished length allow it; the caller
    takes the first that is free. Ends after `ATTEMPTS`.

    Raises:
        Rejected: `code_impossible` when no code can have that length here.
    """
    form = _narrowed(rules, length)
    digits = sorted(form.alphabet)
    for _ in range(ATTEMPTS):
        code = Code("".join(rng.choices(digits, k=form.longest)))
        if form.allow(code) and not weak(code):
            yield code


def from_phone(phone: str, rules: CodeRules, length: int | None) -> Code | None:
    """The last digits of a phone number, or None where they make no acceptable code."""
    digits = "".join(c for c in phone if c.isascii() and c.isdigit())
    wished = length or max(rules.shortest, 4)
    if len(digits) < wished:
        return None
    code = Code(digits[-wished:])
    return None if weak(code) or not rules.allow(code) else code


def _narrowed(rules: CodeRules, length: int | None) -> CodeRules:
    """The rules as a fixed length, within the default alphabet and prefixes where possible."""
    wished = length or DEFAULT_FORM.longest
    size = min(max(wished, rules.shortest), rules.longest)
    if length is not None and size != length:
        raise Rejected(Reason.CODE_IMPOSSIBLE, f"no lock here takes codes of {length} digits")
    return CodeRules(
        size,
        size,
        rules.alphabet & DEFAULT_FORM.alphabet or rules.alphabet,
        rules.forbidden_prefixes | DEFAULT_FORM.forbidden_prefixes,
    )
