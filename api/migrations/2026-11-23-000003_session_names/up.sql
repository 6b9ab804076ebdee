-- A session gets a name to be listed and ended by, which says nothing of its cookie, and the browser
-- it belongs to. Sessions that were open stay open; their names are drawn here.
CREATE TABLE named_session (
    id_hash BLOB PRIMARY KEY NOT NULL CHECK (length(id_hash) = 32),
    id INTEGER NOT NULL UNIQUE,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    address TEXT NOT NULL,
    -- What the browser says it is: visible characters, at most 160; empty when it says nothing.
    user_agent TEXT NOT NULL CHECK (length(user_agent) <= 160)
) STRICT, WITHOUT ROWID;
INSERT INTO named_session (id_hash, id, organisation_id, person_id, created_at, seen_at, address, user_agent)
    SELECT id_hash, random() & 9223372036854775807, organisation_id, person_id, created_at, seen_at, address, ''
    FROM session;
DROP TABLE session;
ALTER TABLE named_session RENAME TO session;
CREATE INDEX session_by_person ON session (person_id);
CREATE TRIGGER session_removed AFTER DELETE ON session
    BEGIN UPDATE installation SET generation = generation + 1; END;
