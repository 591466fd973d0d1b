"""What a lock shows beside a code."""

import pytest

from gatewayd.domain.label import label


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
