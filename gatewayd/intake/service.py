"""The commands by which people look after codes and locks, as the cloud sends them."""

from typing import Annotated, Literal

from pydantic import Field

from gatewayd.domain.batch import Mode
from gatewayd.intake.fields import Id, Model

MAX_CHOSEN = 1_000


class Select(Model):
    """Which reservations: the named ones, those of a property, or, where both are absent, all."""

    reservation_ids: Annotated[tuple[Id, ...], Field(max_length=MAX_CHOSEN)] | None = None
    property_id: Id | None = None


class Batch(Model):
    """Codes of many reservations: `missing` gives one to each that waits for it, `all` gives each
    another one, the old one first, `resync` reads their locks again and puts back what is missing.
    Answered by `batch.planned`; a dry run changes nothing. Done as soon as it is stored: each code
    and each lock then tells for itself."""

    select: Select
    mode: Mode
    dry_run: bool = False


class CredentialsResend(Model):
    """Have the guest told once more: becomes `credentials.wanted`, for the cloud to deliver."""

    key_id: Id
    channel: Literal["email", "phone"]
