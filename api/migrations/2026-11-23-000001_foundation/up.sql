-- Times are milliseconds since the Unix epoch. Ids are random, never reused. Every table of tenant
-- data has organisation_id.

CREATE TABLE installation (
    only INTEGER PRIMARY KEY NOT NULL CHECK (only = 1),
    -- Grows with every change of who may do what; whatever is cached for authorisation is valid for one value.
    generation INTEGER NOT NULL,
    -- When the last readiness probe wrote here.
    probed_at INTEGER NOT NULL
) STRICT;
INSERT INTO installation (only, generation, probed_at) VALUES (1, 0, 0);

CREATE TABLE organisation (
    id INTEGER PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE person (
    id INTEGER PRIMARY KEY NOT NULL,
    email TEXT NOT NULL UNIQUE COLLATE NOCASE,
    password_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE member (
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (organisation_id, person_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_by_person ON member (person_id);

CREATE TABLE session (
    id_hash BLOB PRIMARY KEY NOT NULL CHECK (length(id_hash) = 32),
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    address TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_by_person ON session (person_id);

CREATE TABLE one_time_link (
    token_hash BLOB PRIMARY KEY NOT NULL CHECK (length(token_hash) = 32),
    purpose TEXT NOT NULL CHECK (purpose IN ('first-owner')),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE access_token (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    scope TEXT NOT NULL CHECK (scope IN ('read', 'write', 'admin', 'metrics')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;

CREATE TABLE server (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    paused_at INTEGER,
    -- What the agent last said of its host: a JSON object of names and texts.
    host TEXT NOT NULL DEFAULT '{}',
    -- Gone for everybody; what it leaves behind is being removed.
    deleted_at INTEGER
) STRICT;
CREATE UNIQUE INDEX server_by_name ON server (organisation_id, name) WHERE deleted_at IS NULL;
CREATE INDEX server_deleted ON server (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE agent_key (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    key_hash BLOB NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    -- The last four characters, for people to tell keys apart.
    ending TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
CREATE INDEX agent_key_by_server ON agent_key (server_id);

CREATE TABLE series (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    metric TEXT NOT NULL,
    -- Empty for a metric without a label.
    label TEXT NOT NULL,
    UNIQUE (server_id, metric, label)
) STRICT;

-- The report log: what was acknowledged, in the order of arrival.
CREATE TABLE report (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    boot INTEGER,
    seq INTEGER,
    -- Pairs of series id and value, in postcard's encoding.
    samples BLOB NOT NULL,
    CHECK ((boot IS NULL) = (seq IS NULL))
) STRICT;
CREATE INDEX report_by_time ON report (server_id, at);
-- A report's identity: by start and number where the agent gives them, else by its time.
CREATE UNIQUE INDEX report_by_identity ON report (server_id, boot, seq) WHERE boot IS NOT NULL;
CREATE UNIQUE INDEX report_by_moment ON report (server_id, at) WHERE boot IS NULL;

-- Whoever changes these tables, from whichever program, moves the generation on.
CREATE TRIGGER agent_key_added AFTER INSERT ON agent_key
    BEGIN UPDATE installation SET generation = generation + 1; END;
CREATE TRIGGER agent_key_changed AFTER UPDATE ON agent_key
    BEGIN UPDATE installation SET generation = generation + 1; END;
CREATE TRIGGER agent_key_removed AFTER DELETE ON agent_key
    BEGIN UPDATE installation SET generation = generation + 1; END;
CREATE TRIGGER session_removed AFTER DELETE ON session
    BEGIN UPDATE installation SET generation = generation + 1; END;
CREATE TRIGGER access_token_changed AFTER UPDATE ON access_token
    BEGIN UPDATE installation SET generation = generation + 1; END;
CREATE TRIGGER access_token_removed AFTER DELETE ON access_token
    BEGIN UPDATE installation SET generation = generation + 1; END;
CREATE TRIGGER member_changed AFTER UPDATE ON member
    BEGIN UPDATE installation SET generation = generation + 1; END;
CREATE TRIGGER member_removed AFTER DELETE ON member
    BEGIN UPDATE installation SET generation = generation + 1; END;
