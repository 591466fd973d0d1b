"""What a lock shows beside a code: the guest's name where it can be, else the reservation code."""

GSM = frozenset(
    "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
    "^{}\\[~]|€"
)
"""GSM 03.38, the basic table and its extension, without what ends a line or a page."""


def label(confirmation_code: str, length: int) -> str:
    """Printable ASCII without surrounding space, at most `length` characters (0 = no labels)."""
    plain = "".join(c for c in confirmation_code if c.isascii() and c.isprintable())
    return plain.strip()[:length].strip()


def fitting(name: str, length: int) -> str | None:
    """As many whole words of a name as fit into so many bytes; None where the first one does not,
    or where a lock may not know a character (S1-24)."""
    if not GSM.issuperset(name):
        return None
    words = name.split()
    while words and len(" ".join(words).encode()) > length:
        words.pop()
    return " ".join(words) or None


def numbered(plain: str, number: int) -> str:
    """Another label for what a lock has already; the number comes first, so that no cut takes it
    off."""
    return f"{number}-{plain}"


def same_guest(name: str) -> str:
    """Two guests of one name are as good as one: a lock cannot tell them apart either."""
    return " ".join(name.casefold().split())
