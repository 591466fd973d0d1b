"""The kinds of fields that documents are made of."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

YEARS = range(2000, 2200)
"""All times and days lie in these: what is reckoned from them stays within what Python can tell."""


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("not a time zone of the IANA database, such as Europe/Zurich") from None
    return name


def _duration(text: object) -> timedelta:
    units = {"s": 1, "m": 60, "h": 3600}
    if text == "0":
        return timedelta()
    if isinstance(text, str) and re.fullmatch("[0-9]{1,5}[smh]", text):
        return timedelta(seconds=int(text[:-1]) * units[text[-1]])
    raise ValueError('a duration is a number with s, m or h, such as "90s", "10m", "1h", or "0"')


def as_text(span: timedelta) -> str:
    """A duration as documents write it."""
    return f"{int(span.total_seconds())}s"


def _local_time(text: object) -> time | str:
    if text == "all_day":
        return "all_day"
    try:
        if isinstance(text, str) and len(text) == len("HH:MM"):
            return time.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError('a local time is "HH:MM", or "all_day"')


def _local_date_time(text: object) -> datetime:
    try:
        if isinstance(text, str):
            at = datetime.strptime(text, "%Y-%m-%dT%H:%M")  # noqa: DTZ007  # local to a zone
            if at.year in YEARS:
                return at
    except ValueError:
        pass
    raise ValueError('a local date and time is "YYYY-MM-DDTHH:MM", from 2000 to 2199')


def _hour_minute(text: object) -> time:
    if isinstance(at := _local_time(text), time):
        return at
    raise ValueError('a time of day is "HH:MM"')


Id = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._:-]+$"),
]
Zone = Annotated[str, AfterValidator(_zone), Field(description="IANA zone")]
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(as_text),
    WithJsonSchema({"type": "string", "pattern": "^(0|[0-9]+[smh])$", "examples": ["1h", "90s"]}),
]
LocalTime = Annotated[
    time | Literal["all_day"],
    BeforeValidator(_local_time),
    PlainSerializer(lambda at: at if isinstance(at, str) else at.strftime("%H:%M")),
    WithJsonSchema(
        {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$|^all_day$"},
    ),
]
HourMinute = Annotated[
    time,
    BeforeValidator(_hour_minute),
    PlainSerializer(lambda at: at.strftime("%H:%M")),
    WithJsonSchema({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}),
]
LocalDateTime = Annotated[
    datetime,
    BeforeValidator(_local_date_time),
    PlainSerializer(lambda at: at.strftime("%Y-%m-%dT%H:%M")),
    WithJsonSchema({"type": "string", "pattern": "^[0-9-]{10}T[0-9:]{5}$"}),
]
Version = Annotated[int, Field(ge=0, lt=2**53, description="higher wins; equal is a duplicate")]
Digits = Annotated[str, StringConstraints(pattern=r"^[0-9]{4,10}$")]
BackupLabel = Annotated[str, StringConstraints(pattern=r"^Backup-[1-9][0-9]?$")]
Text = Annotated[str, StringConstraints(max_length=200)]
Day = Annotated[date, Field(ge=date(YEARS.start, 1, 1), lt=date(YEARS.stop, 1, 1))]
At = Annotated[
    AwareDatetime,
    Field(ge=datetime(YEARS.start, 1, 1, tzinfo=UTC), lt=datetime(YEARS.stop, 1, 1, tzinfo=UTC)),
]


class Model(BaseModel):
    """Strict types; values never appear in an error's text."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)
