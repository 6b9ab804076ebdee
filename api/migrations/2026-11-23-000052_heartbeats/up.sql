-- The dead man's switch: one address of each organisation that hears at intervals that all is well here.
CREATE TABLE heartbeat (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL UNIQUE REFERENCES organisation (id) ON DELETE CASCADE,
    -- The address is the secret.
    sealed_address BLOB NOT NULL,
    -- What people may see of it: a host and four characters.
    shown TEXT NOT NULL,
    method TEXT NOT NULL CHECK (method IN ('GET', 'POST')),
    every_minutes INTEGER NOT NULL CHECK (every_minutes BETWEEN 1 AND 1440),
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    -- When it last arrived.
    arrived_at INTEGER,
    -- Of the last try: when, the status of the answer, what went wrong, milliseconds.
    tried_at INTEGER,
    status INTEGER,
    problem TEXT,
    took INTEGER
) STRICT;
CREATE INDEX heartbeat_due ON heartbeat (due_at);

-- When all alert rules were last evaluated, and what followed was stored.
CREATE TABLE alert_evaluation (
    only INTEGER PRIMARY KEY NOT NULL CHECK (only = 1),
    at INTEGER NOT NULL
) STRICT;
INSERT INTO alert_evaluation (only, at) VALUES (1, 0);
