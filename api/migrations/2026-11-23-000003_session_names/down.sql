CREATE TABLE nameless_session (
    id_hash BLOB PRIMARY KEY NOT NULL CHECK (length(id_hash) = 32),
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    address TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO nameless_session (id_hash, organisation_id, person_id, created_at, seen_at, address)
    SELECT id_hash, organisation_id, person_id, created_at, seen_at, address FROM session;
DROP TABLE session;
ALTER TABLE nameless_session RENAME TO session;
CREATE INDEX session_by_person ON session (person_id);
CREATE TRIGGER session_removed AFTER DELETE ON session
    BEGIN UPDATE installation SET generation = generation + 1; END;
