"""What a lock shows beside a code."""

import pytest

from gatewayd.domain.label import fitting, label, numbered, same_guest


@pytest.mark.parametrize(
    ("text", "length", "shown"),
    [
        ("HMA4XT", 20, "HMA4XT"),
        ("HMA4XT", 4, "HMA4"),  # S1-24: too long
        ("HMA4XT", 0, ""),  # a lock without labels
        ("Zoë 🏠 4", 20, "Zo  4"),  # S1-24: outside what every lock can show
        ("  HMA\t4\n", 20, "HMA4"),
        ("AB CD", 3, "AB"),
        ("日本", 20, ""),
        ("", 20, ""),
    ],
)
def test_a_label_is_plain_and_fits(text: str, length: int, shown: str) -> None:
    """Printable ASCII without surrounding space, cut to what the lock holds."""
    assert label(text, length) == shown


@pytest.mark.parametrize(
    ("name", "length", "shown"),
    [
        ("Ada Lovelace", 20, "Ada Lovelace"),
        ("Ada King Countess of Lovelace", 20, "Ada King Countess of"),  # whole words
        ("Ada King Countess of Lovelace", 19, "Ada King Countess"),
        ("Wolfeschlegelsteinhausen", 20, None),  # S1-24: too long
        ("  Ada \u00a0 ", 20, None),  # S1-24: a space that GSM does not know
        ("  Ada   B ", 20, "Ada B"),
        ("J\u00fcrgen Gro\u00df", 20, "J\u00fcrgen Gro\u00df"),
        ("J\u00fcrgen", 6, None),  # seven bytes
        ("Zo\u00eb", 20, None),  # S1-24: \u00eb is not in GSM 03.38
        ("\u0394\u03a9 {\u20ac}", 20, "\u0394\u03a9 {\u20ac}"),
        ("Ada\nB", 20, None),
        ("Ada\x1b", 20, None),
        ("Ada", 0, None),
        ("   ", 20, None),
    ],
)
def test_a_name_fits_by_whole_words_or_not_at_all(
    name: str, length: int, shown: str | None
) -> None:
    """S1-24: what a lock may not know, or has no room for, is no label."""
    assert fitting(name, length) == shown


def test_a_numbered_label_survives_a_cut() -> None:
    """Unique on a lock with room for little."""
    assert label(numbered("HMABCDEFG", 2), 4) == "2-HM"


def test_a_guest_is_known_by_name_however_it_is_written() -> None:
    assert same_guest(" ADA  Lovelace") == same_guest("Ada lovelace ")
