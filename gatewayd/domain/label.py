"""What a lock shows beside a code: the reservation code, cut to what the lock can hold."""


def label(confirmation_code: str, length: int) -> str:
    """Printable ASCII without surrounding space, at most `length` characters (0 = no labels)."""
    plain = "".join(c for c in confirmation_code if c.isascii() and c.isprintable())
    return plain.strip()[:length].strip()
