"""One measured number against its limit."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """`limit` is the most that `value` may be, or with `exact` what it must be; `details` are the
    numbers behind it, with their units in their names."""

    name: str
    what: str
    value: float
    unit: Literal["ms", "s", "times", "exchanges", "frames", "connections"]
    limit: float
    exact: bool = False
    details: dict[str, float | int | str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the limit is kept."""
        return self.value == self.limit if self.exact else self.value <= self.limit

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "ok": self.ok}


def median_ms(seconds: Sequence[float]) -> float:
    """The median, in milliseconds."""
    return statistics.median(seconds) * 1000


def percentile_ms(seconds: Sequence[float], percent: int) -> float:
    """Below this are so many percent of the values; in milliseconds."""
    return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1] * 1000
