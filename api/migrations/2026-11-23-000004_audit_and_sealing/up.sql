-- Secrets of the dashboard itself, sealed under the master key.
CREATE TABLE sealed_key (
    name TEXT PRIMARY KEY NOT NULL,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Audit chains. organisation_id 0 is the installation's own.
CREATE TABLE audit_chain (
    organisation_id INTEGER PRIMARY KEY NOT NULL,
    -- Events ever recorded, and the seal of the last one.
    count INTEGER NOT NULL,
    head BLOB NOT NULL CHECK (length(head) = 32),
    -- Up to where events were removed after their retention: number and seal of the last one that went,
    -- and a seal over both.
    checkpoint_number INTEGER NOT NULL DEFAULT 0,
    checkpoint_head BLOB,
    checkpoint_seal BLOB
) STRICT;

CREATE TABLE audit_event (
    organisation_id INTEGER NOT NULL,
    -- 1, 2, 3 … without a gap in each chain.
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    actor_kind TEXT NOT NULL CHECK (actor_kind IN ('person', 'token', 'agent', 'operator', 'dashboard', 'stranger')),
    actor_name TEXT NOT NULL,
    person_id INTEGER,
    action TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    object_name TEXT NOT NULL,
    detail TEXT NOT NULL,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    -- HMAC over this event and the seal of the one before.
    seal BLOB NOT NULL CHECK (length(seal) = 32),
    PRIMARY KEY (organisation_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_event_by_person ON audit_event (person_id, at) WHERE person_id IS NOT NULL;

-- What commands did while they had no master key; the dashboard puts it into its chain.
CREATE TABLE audit_inbox (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    action TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    object_name TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;

-- When the person last proved who they are: at login, or when asked again before a weighty change.
ALTER TABLE session ADD COLUMN proved_at INTEGER NOT NULL DEFAULT 0;
