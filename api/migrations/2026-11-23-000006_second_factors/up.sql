-- Second factors belong to a person, not to one organisation. Triggers move the generation on whenever
-- one comes or goes, because what a session may do can depend on it.

CREATE TABLE totp (
    id INTEGER PRIMARY KEY NOT NULL,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    sealed_seed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    -- It counts from then on; until then it is a set-up that has not been confirmed.
    confirmed_at INTEGER,
    used_at INTEGER,
    -- The step of the last code that was taken; neither it nor one before is taken again.
    last_step INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX totp_confirmed ON totp (person_id) WHERE confirmed_at IS NOT NULL;
CREATE UNIQUE INDEX totp_pending ON totp (person_id) WHERE confirmed_at IS NULL;

-- A code that was used is gone.
CREATE TABLE recovery_code (
    code_hash BLOB PRIMARY KEY NOT NULL CHECK (length(code_hash) = 32),
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX recovery_code_by_person ON recovery_code (person_id);

CREATE TABLE passkey (
    id INTEGER PRIMARY KEY NOT NULL,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    credential_id BLOB NOT NULL UNIQUE,
    -- The public key with its counter and flags: JSON, as the library writes it.
    credential TEXT NOT NULL,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    created_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;
CREATE INDEX passkey_by_person ON passkey (person_id);

-- Somebody whose password was right and whose second factor is awaited.
CREATE TABLE login_step (
    token_hash BLOB PRIMARY KEY NOT NULL CHECK (length(token_hash) = 32),
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX login_step_by_person ON login_step (person_id, expires_at);

ALTER TABLE organisation ADD COLUMN requires_second_factor INTEGER NOT NULL DEFAULT 0
    CHECK (requires_second_factor IN (0, 1));

-- What was begun with a password ends with it.
CREATE TRIGGER login_step_of_old_password AFTER UPDATE OF password_hash ON person
    WHEN NEW.password_hash <> OLD.password_hash
    BEGIN DELETE FROM login_step WHERE person_id = NEW.id; END;

CREATE TRIGGER totp_was_confirmed AFTER UPDATE OF confirmed_at ON totp
    BEGIN UPDATE installation SET generation = generation + 1; END;
CREATE TRIGGER totp_removed AFTER DELETE ON totp
    BEGIN UPDATE installation SET generation = generation + 1; END;
CREATE TRIGGER passkey_added AFTER INSERT ON passkey
    BEGIN UPDATE installation SET generation = generation + 1; END;
CREATE TRIGGER passkey_removed AFTER DELETE ON passkey
    BEGIN UPDATE installation SET generation = generation + 1; END;
CREATE TRIGGER requirement_changed AFTER UPDATE OF requires_second_factor ON organisation
    BEGIN UPDATE installation SET generation = generation + 1; END;
