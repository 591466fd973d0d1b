"""Allocation: whatever the locks accept, a code fits, is free, and nobody guesses it."""

from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gatewayd.domain.code import ATTEMPTS, Code, CodeRules, candidates, common, from_phone, weak
from gatewayd.errors import Reason, Rejected

DIGITS = "0123456789"
ALPHABETS = st.one_of(
    st.just(frozenset(DIGITS)), st.frozensets(st.sampled_from(DIGITS), min_size=1)
)
PREFIXES = st.frozensets(st.text(DIGITS, min_size=1, max_size=3), max_size=3)
LENGTHS = st.integers(4, 8)
SEEDS = st.integers(0, 10**6)


@st.composite
def rules(draw_: st.DrawFn) -> CodeRules:
    """What some lock accepts."""
    shortest, longest = sorted((draw_(LENGTHS), draw_(LENGTHS)))
    return CodeRules(shortest, longest, draw_(ALPHABETS), draw_(PREFIXES))


CODES = st.text(DIGITS, min_size=3, max_size=9).map(Code)


def guessable(digits: str) -> bool:
    """What a passer-by tries first, in other words than the domain's."""
    runs = DIGITS + DIGITS, DIGITS[::-1] + DIGITS[::-1]
    pair = (digits[:2] * len(digits))[: len(digits)]
    return digits == pair or any(digits in run for run in runs)


def common_or_none(locks: list[CodeRules]) -> CodeRules | None:
    """The common form, or None where the locks have none."""
    try:
        return common(locks)
    except Rejected as refused:
        if refused.reason is not Reason.RULES_CONFLICT:
            raise
        return None


@given(locks=st.lists(rules(), min_size=1, max_size=4), codes=st.lists(CODES, max_size=20))
def test_what_all_locks_accept_is_the_intersection(
    locks: list[CodeRules], codes: list[Code]
) -> None:
    """Exactly what each of a key's locks accepts; S1-1."""
    form = common_or_none(locks)
    for code in codes:
        accepted = form is not None and form.allow(code)
        assert accepted is all(lock.allow(code) for lock in locks)


@given(form=rules(), seed=SEEDS, data=st.data())
def test_every_candidate_fits_and_is_strong(
    form: CodeRules, seed: int, data: st.DataObject
) -> None:
    """By the locks' rules and the wished length, and never weak; a hopeless search ends."""
    length = data.draw(st.one_of(st.none(), st.integers(form.shortest, form.longest)))
    drawn = list(candidates(form, length, Random(seed)))
    assert len(drawn) <= ATTEMPTS
    for code in drawn:
        assert form.allow(code)
        assert not guessable(code.digits)
        assert length is None or len(code.digits) == length  # S2-6


@given(form=rules(), length=st.integers(1, 12), seed=SEEDS)
def test_a_length_that_no_lock_takes_is_refused(form: CodeRules, length: int, seed: int) -> None:
    """A wished number of digits is kept or refused, never bent."""
    assume(not form.shortest <= length <= form.longest)
    with pytest.raises(Rejected) as refused:
        next(candidates(form, length, Random(seed)))
    assert refused.value.reason is Reason.CODE_IMPOSSIBLE


@given(
    alphabet=st.frozensets(st.sampled_from("123456789"), min_size=3),
    length=st.one_of(st.none(), LENGTHS),
    seed=SEEDS,
)
def test_a_code_is_found_where_there_is_one(
    alphabet: frozenset[str], length: int | None, seed: int
) -> None:
    """Three digits to choose from are enough, and what a later Nuki would refuse is not drawn."""
    form = CodeRules(alphabet=alphabet | {"0"})
    code = next(candidates(form, length, Random(seed)))
    assert len(code.digits) == (length or 6)
    assert not code.digits.startswith("12")  # S1-23
    assert "0" not in code.digits


@given(seed=SEEDS, parity=st.integers(0, 1))
def test_a_free_code_is_found_while_half_are_taken(seed: int, parity: int) -> None:
    """Long before the candidates end; suffering 11."""
    drawn = candidates(CodeRules(4, 4), None, Random(seed))
    assert any(int(code.digits) % 2 == parity for code in drawn)


@given(codes=st.text(DIGITS, min_size=4, max_size=8))
def test_weak_is_what_a_passer_by_would_try(codes: str) -> None:
    """One digit, a run up or down, a pair repeated."""
    assert weak(Code(codes)) is guessable(codes)


@given(
    number=st.text(DIGITS + " +-()/", max_size=20),
    form=rules(),
    length=st.one_of(st.none(), LENGTHS),
)
def test_a_phones_last_digits_are_kept_as_they_are(
    number: str, form: CodeRules, length: int | None
) -> None:
    """Leading zeros included, or none where the locks would refuse them; S1-3, S1-22."""
    code = from_phone(number, form, length)
    digits = "".join(c for c in number if c in DIGITS)
    if code is None:
        wished = digits[-(length or max(form.shortest, 4)) :]
        short = len(digits) < (length or max(form.shortest, 4))
        assert short or guessable(wished) or not form.allow(Code(wished))
    else:
        assert digits.endswith(code.digits)  # suffering 18
        assert len(code.digits) == (length or max(form.shortest, 4))
        assert form.allow(code)
        assert not weak(code)


@given(seed=SEEDS)
def test_the_same_chance_draws_the_same_codes(seed: int) -> None:
    """Chance is an argument."""
    first, second = (list(candidates(CodeRules(), None, Random(seed))) for _ in range(2))
    assert first == second
