-- Whoever is suspended keeps the place and the role, and can do nothing with them.
ALTER TABLE member ADD COLUMN suspended_at INTEGER;

-- What a person is called; empty when they did not say.
ALTER TABLE person ADD COLUMN name TEXT NOT NULL DEFAULT '' CHECK (length(name) <= 64);
-- Where the person was last: a login opens it again.
ALTER TABLE person ADD COLUMN used_organisation_id INTEGER REFERENCES organisation (id) ON DELETE SET NULL;

CREATE TABLE invitation (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    email TEXT NOT NULL COLLATE NOCASE,
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    -- None when the operator invites, or when the account is gone.
    invited_by INTEGER REFERENCES person (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (organisation_id, email)
) STRICT;

-- Links that let a person choose another password.
CREATE TABLE reset_link (
    token_hash BLOB PRIMARY KEY NOT NULL CHECK (length(token_hash) = 32),
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX reset_link_by_person ON reset_link (person_id, expires_at);

-- Addresses that wait for a link that was mailed to them.
CREATE TABLE email_change (
    token_hash BLOB PRIMARY KEY NOT NULL CHECK (length(token_hash) = 32),
    person_id INTEGER NOT NULL UNIQUE REFERENCES person (id) ON DELETE CASCADE,
    email TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A session that goes on in another organisation has another id; whoever knew the old one is nobody.
CREATE TRIGGER session_moved AFTER UPDATE OF id_hash, organisation_id ON session
    BEGIN UPDATE installation SET generation = generation + 1; END;
