-- Browsers that a person has logged in from before. A stranger who tries that person's password from
-- elsewhere does not slow these down.
CREATE TABLE device (
    token_hash BLOB PRIMARY KEY NOT NULL CHECK (length(token_hash) = 32),
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX device_by_person ON device (person_id, seen_at);
