"""What a person sees while something takes longer than a second."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.status import Status


def working(text: str) -> "Status":
    """Shown on a terminal for as long as the block lasts; scripts see nothing of it."""
    from rich.console import Console  # noqa: PLC0415  # slow to import

    return Console(stderr=True).status(text)
