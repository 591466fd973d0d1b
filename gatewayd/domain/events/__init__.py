"""Facts for the cloud. `type` names the topic and the schema."""

from gatewayd.domain.events.alert import AlertCleared, AlertRaised
from gatewayd.domain.events.backup import (
    BackupExhausted,
    BackupIssued,
    BackupReady,
    BackupRotated,
    BackupUsed,
)
from gatewayd.domain.events.code import (
    CodeAssigned,
    CodeChanged,
    CodeConfirmed,
    CodeFailed,
    CodeLost,
    CodeRemovalFailed,
    CodeRemoved,
    CodesRevealed,
    CredentialsWanted,
    KeyStatus,
)
from gatewayd.domain.events.command import (
    BatchPlanned,
    CommandAccepted,
    CommandDone,
    CommandExpired,
    CommandRejected,
)
from gatewayd.domain.events.health import HealthChecked
from gatewayd.domain.events.hub import HubStarted, HubWasOff, SnapshotWanted
from gatewayd.domain.events.lock import (
    LockAdopted,
    LockBattery,
    LockClockSkew,
    LockCommissioned,
    LockCommissioning,
    LockForeignCode,
    LockFull,
    LockJammed,
    LockKeypadDisabled,
    LockOffline,
    LockOnline,
    LockReset,
    LockTampered,
    LockUsed,
    LockWrongCode,
)
from gatewayd.domain.events.policy import PolicyInForce

type Event = (
    CommandAccepted
    | CommandRejected
    | CommandDone
    | CommandExpired
    | BatchPlanned
    | CodeAssigned
    | CodeChanged
    | CodeConfirmed
    | CodeLost
    | CodeFailed
    | CodeRemoved
    | CodeRemovalFailed
    | CodesRevealed
    | KeyStatus
    | BackupReady
    | BackupIssued
    | BackupUsed
    | BackupRotated
    | BackupExhausted
    | CredentialsWanted
    | LockOnline
    | LockOffline
    | LockBattery
    | LockUsed
    | LockWrongCode
    | LockKeypadDisabled
    | LockJammed
    | LockTampered
    | LockFull
    | LockForeignCode
    | LockAdopted
    | LockReset
    | LockClockSkew
    | LockCommissioning
    | LockCommissioned
    | HealthChecked
    | PolicyInForce
    | AlertRaised
    | AlertCleared
    | HubStarted
    | HubWasOff
    | SnapshotWanted
)

TELEMETRY = (KeyStatus, LockOnline, LockOffline, LockBattery, LockClockSkew)
"""What a later event, or `reported`, says as well: the first to go where too much waits. What was
decided, done and seen at a door is kept."""
