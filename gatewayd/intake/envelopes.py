"""What every command is wrapped in, and the commands."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, TypeAdapter

from gatewayd.domain.bolt import OPERATE_WITHIN
from gatewayd.intake.fields import At, Id, Model, Text
from gatewayd.intake.schemas import (
    BackupIssue,
    BackupRotate,
    BrakeConfirm,
    CodeRegenerate,
    HealthRun,
    KeyDelete,
    KeyPut,
    KeyRestore,
    KeyRevoke,
    LockOperate,
    LockResync,
    Report,
    ReservationCancel,
    ReservationPut,
    ReservationSnapshot,
    ReservationVisit,
    SitePut,
)
from gatewayd.intake.service import (
    Batch,
    CredentialsResend,
    LockAdopt,
    LockCommission,
    LockReplace,
    LockSyncNow,
    Time,
)


class Envelope(Model):
    """Around every command."""

    id: Id = Field(description="ULID; idempotency key: the same id gets the same answer")
    schema_version: Literal[1] = 1
    issuer: Annotated[str, StringConstraints(max_length=64)] = "cloud"
    hub: Annotated[str, StringConstraints(max_length=64)]
    epoch: Annotated[str, StringConstraints(max_length=64)] | None = None
    seq: Annotated[int, Field(ge=0)] | None = None
    ts: At
    expires: At | None = None
    reply_to: Text | None = None

    @property
    def deadline(self) -> datetime | None:
        """When it is too late to carry the command out."""
        return self.expires


class SitePutCommand(Envelope):
    """`site.put`"""

    type: Literal["site.put"]
    data: SitePut


class ReservationPutCommand(Envelope):
    """`reservation.put`"""

    type: Literal["reservation.put"]
    data: ReservationPut


class ReservationCancelCommand(Envelope):
    """`reservation.cancel`"""

    type: Literal["reservation.cancel"]
    data: ReservationCancel


class ReservationCheckInCommand(Envelope):
    """`reservation.check_in`"""

    type: Literal["reservation.check_in"]
    data: ReservationVisit


class ReservationCheckOutCommand(Envelope):
    """`reservation.check_out`"""

    type: Literal["reservation.check_out"]
    data: ReservationVisit


class KeyPutCommand(Envelope):
    """`key.put`"""

    type: Literal["key.put"]
    data: KeyPut


class KeyRevokeCommand(Envelope):
    """`key.revoke`"""

    type: Literal["key.revoke"]
    data: KeyRevoke


class KeyRestoreCommand(Envelope):
    """`key.restore`"""

    type: Literal["key.restore"]
    data: KeyRestore


class KeyDeleteCommand(Envelope):
    """`key.delete`"""

    type: Literal["key.delete"]
    data: KeyDelete


class CodeRegenerateCommand(Envelope):
    """`code.regenerate`"""

    type: Literal["code.regenerate"]
    data: CodeRegenerate


class BatchCommand(Envelope):
    """`batch`"""

    type: Literal["batch"]
    data: Batch


class CredentialsResendCommand(Envelope):
    """`credentials.resend`"""

    type: Literal["credentials.resend"]
    data: CredentialsResend


class ReservationSnapshotCommand(Envelope):
    """`reservation.snapshot`"""

    type: Literal["reservation.snapshot"]
    data: ReservationSnapshot


class BrakeConfirmCommand(Envelope):
    """`brake.confirm`"""

    type: Literal["brake.confirm"]
    data: BrakeConfirm


class BackupIssueCommand(Envelope):
    """`backup.issue`"""

    type: Literal["backup.issue"]
    data: BackupIssue


class BackupRotateCommand(Envelope):
    """`backup.rotate`"""

    type: Literal["backup.rotate"]
    data: BackupRotate


class HealthRunCommand(Envelope):
    """`health.run`"""

    type: Literal["health.run"]
    data: HealthRun = HealthRun()


class LockResyncCommand(Envelope):
    """`lock.resync`"""

    type: Literal["lock.resync"]
    data: LockResync


class LockSyncNowCommand(Envelope):
    """`lock.sync_now`"""

    type: Literal["lock.sync_now"]
    data: LockSyncNow


class LockReplaceCommand(Envelope):
    """`lock.replace`"""

    type: Literal["lock.replace"]
    data: LockReplace


class LockAdoptCommand(Envelope):
    """`lock.adopt`"""

    type: Literal["lock.adopt"]
    data: LockAdopt


class LockCommissionCommand(Envelope):
    """`lock.commission`"""

    type: Literal["lock.commission"]
    data: LockCommission


class LockOperateCommand(Envelope):
    """`lock.operate`"""

    type: Literal["lock.operate"]
    data: LockOperate

    @property
    def deadline(self) -> datetime:
        """Soon, whatever the sender says."""
        soon = self.ts + OPERATE_WITHIN
        return min(self.expires, soon) if self.expires else soon


class TimeCommand(Envelope):
    """`time`"""

    type: Literal["time"]
    data: Time


class ReportCommand(Envelope):
    """`report`"""

    type: Literal["report"]
    data: Report = Report()


Command = (
    SitePutCommand
    | ReservationPutCommand
    | ReservationCancelCommand
    | ReservationCheckInCommand
    | ReservationCheckOutCommand
    | ReservationSnapshotCommand
    | KeyPutCommand
    | KeyRevokeCommand
    | KeyRestoreCommand
    | KeyDeleteCommand
    | CodeRegenerateCommand
    | BatchCommand
    | CredentialsResendCommand
    | BackupIssueCommand
    | BackupRotateCommand
    | HealthRunCommand
    | BrakeConfirmCommand
    | LockResyncCommand
    | LockSyncNowCommand
    | LockReplaceCommand
    | LockAdoptCommand
    | LockCommissionCommand
    | LockOperateCommand
    | ReportCommand
    | TimeCommand
)

COMMAND: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="type")])
