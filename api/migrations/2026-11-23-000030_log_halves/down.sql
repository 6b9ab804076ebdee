DROP TABLE summary;
DROP VIEW report;
CREATE TABLE report (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL,
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    boot INTEGER,
    seq INTEGER,
    samples BLOB NOT NULL,
    CHECK ((boot IS NULL) = (seq IS NULL))
) STRICT;
INSERT INTO report (id, organisation_id, server_id, at, received_at, boot, seq, samples)
    SELECT id, organisation_id, server_id, at, received_at, boot, seq, samples FROM first_log
    UNION ALL SELECT id, organisation_id, server_id, at, received_at, boot, seq, samples FROM second_log
    ORDER BY id;
DROP TABLE first_log;
DROP TABLE second_log;
