-- Where an organisation's notices go.
CREATE TABLE channel (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    name TEXT NOT NULL COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 64),
    kind TEXT NOT NULL,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    -- Address, recipient, token, signing key and headers.
    sealed_settings BLOB NOT NULL,
    -- What people may see of these: a host and four characters.
    shown TEXT NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('warning', 'critical')),
    -- Only between these minutes of a day there; at any time without.
    from_minute INTEGER CHECK (from_minute BETWEEN 0 AND 1439),
    to_minute INTEGER CHECK (to_minute BETWEEN 0 AND 1439),
    zone TEXT,
    created_at INTEGER NOT NULL,
    UNIQUE (organisation_id, name),
    CHECK ((from_minute IS NULL) = (to_minute IS NULL) AND (from_minute IS NULL) = (zone IS NULL))
) STRICT;

-- One message to one channel: waiting, or what became of it.
CREATE TABLE delivery (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    channel_id INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    -- The incident, where the receiver keeps its state, and so the order matters.
    incident_id INTEGER,
    kind TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
    created_at INTEGER NOT NULL,
    -- When to try next, or when the last try was.
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    -- Of the last try: the status of the answer, what went wrong, milliseconds.
    status INTEGER,
    problem TEXT,
    took INTEGER,
    -- JSON; gone when it waits no more.
    message TEXT NOT NULL
) STRICT;
CREATE INDEX delivery_waiting ON delivery (due_at) WHERE state = 'waiting';
CREATE INDEX delivery_by_channel ON delivery (channel_id, created_at);
CREATE INDEX delivery_by_organisation ON delivery (organisation_id);

-- Who sends: one process at a time.
CREATE TABLE sender_lease (
    only INTEGER PRIMARY KEY NOT NULL CHECK (only = 1),
    holder INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT;
INSERT INTO sender_lease (only, holder, until) VALUES (1, 0, 0);
