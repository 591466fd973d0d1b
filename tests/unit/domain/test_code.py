"""Codes, what locks accept of them, and how they are found."""

from random import Random

import pytest

from gatewayd.domain.code import (
    ANY_CODE,
    ATTEMPTS,
    DEFAULT_FORM,
    Code,
    CodeRules,
    candidates,
    common,
    from_phone,
    weak,
)
from gatewayd.errors import Reason, Rejected

NUKI = CodeRules(6, 6, frozenset("123456789"), frozenset({"12"}))


def test_a_code_keeps_its_leading_zeros() -> None:
    """A code is a string of digits, never a number."""
    assert Code("0042").digits == "0042"  # suffering 18
    assert Code("0042") != Code("42")


def test_a_code_does_not_show_itself() -> None:
    """Neither as repr nor as text."""
    assert f"{Code('97531864')!r} {Code('97531864')}" == "Code(hidden) Code(hidden)"


@pytest.mark.parametrize("digits", ["", "12a4", "١٢٣٤", "12 34", "-123", "1²34"])
def test_what_is_not_a_string_of_digits_is_no_code(digits: str) -> None:
    """And the error does not repeat it."""
    with pytest.raises(ValueError, match=r"^a code is a string of digits$"):
        Code(digits)


@pytest.mark.parametrize(
    ("digits", "accepted"),
    [("34567", False), ("345679", True), ("3456791", False), ("345670", False), ("124567", False)],
)
def test_a_lock_accepts_its_length_alphabet_and_beginnings(digits: str, accepted: bool) -> None:
    """As a Nuki does: six digits 1 to 9, not beginning with 12; S1-23."""
    assert NUKI.allow(Code(digits)) is accepted


def test_a_lock_without_rules_takes_four_to_eight_digits() -> None:
    """Z-Wave User Code."""
    accepted = [ANY_CODE.allow(Code("0" * n)) for n in (3, 4, 8, 9)]
    assert accepted == [False, True, True, False]


def test_the_common_form_is_what_every_lock_accepts() -> None:
    """S1-1: one code for all of a key's locks."""
    form = common([CodeRules(5, 8), NUKI, CodeRules(forbidden_prefixes=frozenset({"9"}))])
    assert form == CodeRules(6, 6, frozenset("123456789"), frozenset({"12", "9"}))
    assert common([]) == ANY_CODE


@pytest.mark.parametrize(
    "rules",
    [
        [CodeRules(4, 4), NUKI],
        [CodeRules(alphabet=frozenset("0")), NUKI],
    ],
)
def test_locks_without_a_common_form_get_no_key(rules: list[CodeRules]) -> None:
    """Two codes are never given."""
    with pytest.raises(Rejected) as refused:
        common(rules)
    assert refused.value.reason is Reason.RULES_CONFLICT


@pytest.mark.parametrize(
    "digits", ["1111", "1234", "4321", "1212", "8901", "0987", "12121", "000000", "345678"]
)
def test_a_code_that_everybody_tries_is_weak(digits: str) -> None:
    """One digit, a run, or a pair repeated."""
    assert weak(Code(digits))


@pytest.mark.parametrize("digits", ["1123", "1357", "1221", "123412", "2580"])
def test_other_codes_are_not_weak(digits: str) -> None:
    """What is merely regular is left: too many rules make codes easier to guess."""
    assert not weak(Code(digits))


def test_a_candidate_has_the_form_that_every_known_lock_takes() -> None:
    """Also where this lock would take more; S1-23."""
    drawn = list(candidates(CodeRules(), None, Random(1)))
    assert drawn
    assert all(DEFAULT_FORM.allow(code) for code in drawn)


def test_a_lock_with_another_alphabet_gets_codes_of_it() -> None:
    """Where the default form is not possible its own rules win."""
    assert not list(candidates(CodeRules(4, 4, frozenset("0")), None, Random(1)))  # all weak
    code = next(candidates(CodeRules(4, 4, frozenset("59")), None, Random(1)))
    assert set(code.digits) <= set("59")
    assert len(code.digits) == 4


def test_a_search_ends() -> None:
    """What cannot be found is not looked for for ever."""
    assert len(list(candidates(CodeRules(), None, Random(1)))) <= ATTEMPTS


def test_a_wished_length_is_kept() -> None:
    """S2-6."""
    assert len(next(candidates(CodeRules(), 8, Random(1))).digits) == 8


def test_a_length_that_no_lock_takes_is_refused() -> None:
    """S2-6: kept or refused, never bent."""
    with pytest.raises(Rejected) as refused:
        next(candidates(NUKI, 4, Random(1)))
    assert refused.value.reason is Reason.CODE_IMPOSSIBLE


@pytest.mark.parametrize(
    ("phone", "rules", "length", "digits"),
    [
        ("+41 79 555 00 47", ANY_CODE, None, "0047"),  # S1-3, suffering 18
        ("+41 (79) 555-83-47", ANY_CODE, 6, "558347"),
        ("+41 79 555 83 47", NUKI, None, "558347"),
        ("+41 79 555 80 47", NUKI, None, None),  # S1-23: a Nuki knows no 0
        ("+41 79 512 83 47", NUKI, None, None),  # S1-23: nor a beginning with 12
        ("847", ANY_CODE, None, None),  # S1-22
        ("8347", ANY_CODE, None, "8347"),
        ("", ANY_CODE, None, None),
        ("call me", ANY_CODE, None, None),
        ("+41 79 555 12 34", ANY_CODE, None, None),  # weak
        ("٠٧٩٥٥٥٨٣٤٧", ANY_CODE, None, None),
    ],
)
def test_a_phone_gives_its_last_digits_or_nothing(
    phone: str, rules: CodeRules, length: int | None, digits: str | None
) -> None:
    """Then the caller draws one."""
    assert from_phone(phone, rules, length) == (Code(digits) if digits else None)
