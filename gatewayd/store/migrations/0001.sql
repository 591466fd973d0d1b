-- Times are REAL seconds since 1970, UTC. Ticks are REAL seconds since the boot in meta.boot.

CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- What a hub that lost its database waits for; until then it removes nothing from any lock.
CREATE TABLE awaited (what TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE TABLE site (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    version INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE reservations (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    property_id TEXT NOT NULL,
    document TEXT NOT NULL,
    held TEXT,                      -- why there is no key, where it wants one
    confirmed INTEGER NOT NULL,
    changed_at REAL NOT NULL,
    due REAL,                       -- when a held one is looked at again
    checked_in REAL,
    checked_out REAL
) STRICT, WITHOUT ROWID;
CREATE INDEX reservations_by_property ON reservations (property_id);
CREATE INDEX reservations_by_due ON reservations (due) WHERE due IS NOT NULL;

-- Staff's word on keys, and manual keys, which are nothing else.
CREATE TABLE overrides (
    key_id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    document TEXT                   -- JSON; NULL: staff has taken its word back
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    reservation_id TEXT,            -- NULL: a key by hand
    code TEXT NOT NULL,
    exclusive INTEGER NOT NULL,     -- 1: no other key gets the code, whenever
    label TEXT NOT NULL,
    guest TEXT,                     -- whose it is, the same for all keys of a guest
    relabelled INTEGER NOT NULL DEFAULT 0, -- how often a lock refused the label
    starts REAL NOT NULL,
    ends REAL NOT NULL,
    timetable TEXT,                 -- such as mon,tue 08:00-12:00 Europe/Zurich; NULL: at all hours
    revoked INTEGER NOT NULL DEFAULT 0,
    refusals INTEGER NOT NULL DEFAULT 0, -- codes that a lock had already, one after the other
    handover TEXT,                  -- id of the code.changed event that the cloud must receipt
    issued_to TEXT                  -- of a backup: the key of the guest who has its code
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_by_code ON keys (code, ends);
CREATE INDEX keys_by_handover ON keys (handover) WHERE handover IS NOT NULL;
CREATE INDEX keys_by_guest ON keys (guest) WHERE guest IS NOT NULL;
CREATE INDEX keys_by_label ON keys (label) WHERE label <> '';
CREATE INDEX keys_by_end ON keys (ends) WHERE NOT revoked;

-- Commands whose effect on a key is not yet proven; of a reservation that is held there may be no
-- key yet.
CREATE TABLE waits (
    key_id TEXT NOT NULL,
    command TEXT NOT NULL,
    PRIMARY KEY (key_id, command)
) STRICT, WITHOUT ROWID;

-- Codes that a key had before its own.
CREATE TABLE past_codes (
    code TEXT NOT NULL,
    key_id TEXT NOT NULL,
    until REAL NOT NULL,            -- before that nobody else gets it
    PRIMARY KEY (code, key_id)
) STRICT, WITHOUT ROWID;

-- One row per key and lock until the key is over there and its slot is free.
CREATE TABLE doors (
    lock_id TEXT NOT NULL,
    key_id TEXT NOT NULL REFERENCES keys,
    due REAL NOT NULL,
    withheld TEXT,
    verify_after REAL NOT NULL,     -- seconds
    retry TEXT NOT NULL,            -- preset for a code that the lock refuses
    external_delete TEXT NOT NULL,
    free_slot_after REAL NOT NULL,  -- seconds
    leaves REAL,                    -- since when the key has other doors instead of this one
    PRIMARY KEY (lock_id, key_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX doors_by_due ON doors (lock_id, due);
CREATE INDEX doors_by_key ON doors (key_id);

CREATE TABLE leases (
    lock_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    code TEXT NOT NULL,
    slot INTEGER,                   -- unset until a lock that numbers its codes itself has told
    stage TEXT NOT NULL,
    proof TEXT,
    proven_at REAL,
    verify_due REAL,                -- tick
    doubted_since REAL,             -- tick
    missed INTEGER NOT NULL,
    failures INTEGER,
    retry_due REAL,                 -- tick
    reason TEXT,
    starts REAL,                    -- the window as last written, where the lock holds one
    ends REAL,
    enabled INTEGER NOT NULL,
    losses INTEGER NOT NULL,        -- times that a proven code was gone or altered
    hours TEXT,                     -- as last written, where the lock keeps them itself
    label TEXT NOT NULL,            -- as last written
    PRIMARY KEY (lock_id, key_id, code),
    UNIQUE (lock_id, slot)
) STRICT;                           -- by rowid: the lease touched last comes last
CREATE INDEX leases_by_key ON leases (key_id);

-- Leases of a database that was lost, as `reported` told them; each until its slot is read.
CREATE TABLE lost_leases (
    lock_id TEXT NOT NULL,
    slot INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    fingerprint TEXT,               -- of the code, with the hub's secret; unset: with a lost one
    ends REAL,                      -- when the key is over
    PRIMARY KEY (lock_id, slot)
) STRICT, WITHOUT ROWID;

-- Locks that `reported` told of, with the slots whose codes were not ours.
CREATE TABLE lost_locks (
    lock_id TEXT PRIMARY KEY,
    foreign_slots TEXT NOT NULL     -- a JSON array
) STRICT, WITHOUT ROWID;

-- Keys whose codes the cloud has echoed after the loss, each until its lock has shown all slots.
CREATE TABLE echoed (
    lock_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    PRIMARY KEY (lock_id, key_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE slots (
    lock_id TEXT NOT NULL,
    slot INTEGER NOT NULL,
    seen TEXT NOT NULL CHECK (seen IN ('empty', 'holds', 'occupied', 'foreign')),
    code TEXT,
    at REAL NOT NULL,
    enabled INTEGER NOT NULL,
    starts REAL,                    -- the window and the hours that the lock shows
    ends REAL,
    hours TEXT,
    PRIMARY KEY (lock_id, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE locks (
    id TEXT PRIMARY KEY,
    driver TEXT NOT NULL,
    address TEXT NOT NULL,
    active INTEGER NOT NULL,
    listed INTEGER NOT NULL,        -- 0: no longer on the site; kept while our codes are on it
    capabilities TEXT,              -- JSON, once the lock has told
    inventoried INTEGER NOT NULL DEFAULT 0, -- 1: all its slots were seen once
    failures INTEGER,
    retry_due REAL,                 -- tick
    reason TEXT,
    battery INTEGER,
    battery_low INTEGER,
    last_contact REAL,
    bolt TEXT,                      -- where the lock said last that it is
    utc_offset REAL,                -- seconds: the lock's own local time, as it was at
    offset_at REAL,
    cause TEXT,                     -- JSON list: each command about all its codes, not yet proven
    asked INTEGER NOT NULL DEFAULT 0 -- 1: it is to answer, whatever is due there
) STRICT, WITHOUT ROWID;

-- The last commissioning of each lock: the one under way, and how the one before it went.
CREATE TABLE commissionings (
    lock_id TEXT PRIMARY KEY,
    under_way INTEGER NOT NULL,
    seconds REAL NOT NULL,          -- how long its code is for use
    cause TEXT,                     -- the command
    due REAL,                       -- tick: when it ends; NULL: not counted yet in this boot
    opened REAL,                    -- since when the lock shows the code
    result TEXT,                    -- of the last one that ended
    other_lock_id TEXT,             -- where its code was typed instead
    at REAL                         -- when it ended
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX commissioning ON commissionings (under_way) WHERE under_way;

CREATE TABLE wrong_codes (lock_id TEXT NOT NULL, at REAL NOT NULL) STRICT;
CREATE INDEX wrong_codes_by_time ON wrong_codes (at);

CREATE TABLE battery_levels (
    lock_id TEXT NOT NULL,
    day TEXT NOT NULL,              -- UTC
    level INTEGER NOT NULL,         -- percent, the last of the day
    PRIMARY KEY (lock_id, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE commands (
    id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    received_at REAL NOT NULL,
    receipt_id TEXT NOT NULL,
    receipt_type TEXT NOT NULL,
    receipt TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Each `lock.operate` that has no last answer yet.
CREATE TABLE operations (command TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE TABLE brakes (
    id TEXT PRIMARY KEY,
    command TEXT NOT NULL,          -- the whole envelope, carried out when confirmed
    held_at REAL NOT NULL,
    booked TEXT NOT NULL            -- a JSON array: the keys that were made from it already
) STRICT, WITHOUT ROWID;

CREATE TABLE snapshot_parts (
    snapshot_id TEXT NOT NULL,
    part INTEGER NOT NULL,
    received_at REAL NOT NULL,
    ids TEXT NOT NULL,              -- JSON list of the reservations in this part
    PRIMARY KEY (snapshot_id, part)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    envelope TEXT NOT NULL,         -- JSON
    parked TEXT                     -- why the broker refused it
) STRICT;

-- The outbox's events for people at the site, whether the cloud has them or not: no code, no name.
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,        -- the outbox's
    id TEXT NOT NULL,
    at REAL NOT NULL,
    type TEXT NOT NULL,
    lock_id TEXT,
    key_id TEXT,
    cause TEXT,                     -- the command's id
    data TEXT NOT NULL              -- JSON
) STRICT;
CREATE INDEX journal_by_lock ON journal (lock_id, seq) WHERE lock_id IS NOT NULL;
CREATE INDEX journal_by_key ON journal (key_id, seq) WHERE key_id IS NOT NULL;

CREATE TABLE alerts (
    code TEXT NOT NULL,
    subject TEXT NOT NULL,
    raised_at REAL NOT NULL,
    ends REAL,                      -- when that is over which is nowhere else
    PRIMARY KEY (subject, code)
) STRICT, WITHOUT ROWID;

-- Topics of retained messages for Home Assistant that the broker may hold.
CREATE TABLE announced (topic TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

-- What Nuki locks were paired with: keys to doors, so the file is for the daemon's user alone.
CREATE TABLE nuki_locks (
    address TEXT PRIMARY KEY,
    auth_id INTEGER NOT NULL,
    shared_key BLOB NOT NULL,
    security_pin INTEGER NOT NULL,
    lock_uuid TEXT NOT NULL,
    name TEXT NOT NULL,
    log_index INTEGER,              -- the last log entry told; unset: only the next one will be
    pin_refused INTEGER NOT NULL,   -- 1: the lock is left alone until it is paired again
    pin_tries INTEGER NOT NULL,     -- how many more answers to the PIN may get lost
    clock_due REAL,                 -- until then its clock is not set again
    clock_right REAL                -- when that was seen right last; unset: it was not
) STRICT, WITHOUT ROWID;
