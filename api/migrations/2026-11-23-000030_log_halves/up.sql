-- The report log becomes two halves. One is appended to while the other is folded; a half that is folded is
-- emptied as a whole, which writes next to nothing, where removing row by row writes every page once more.
-- For that neither may refer to a table, nor have a trigger.
CREATE TABLE first_log (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL,
    server_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    boot INTEGER,
    seq INTEGER,
    -- Series ids and values, in postcard's encoding.
    samples BLOB NOT NULL,
    CHECK ((boot IS NULL) = (seq IS NULL))
) STRICT;
CREATE TABLE second_log (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL,
    server_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    boot INTEGER,
    seq INTEGER,
    samples BLOB NOT NULL,
    CHECK ((boot IS NULL) = (seq IS NULL))
) STRICT;
INSERT INTO first_log (id, organisation_id, server_id, at, received_at, boot, seq, samples)
    SELECT id, organisation_id, server_id, at, received_at, boot, seq, samples FROM report ORDER BY id;
DROP TABLE report;
CREATE VIEW report (id, organisation_id, server_id, at, received_at, boot, seq, samples) AS
    SELECT id, organisation_id, server_id, at, received_at, boot, seq, samples FROM first_log
    UNION ALL
    SELECT id, organisation_id, server_id, at, received_at, boot, seq, samples FROM second_log;

-- Of a small segment: the minutes of its series, so that a chart of the half-day that is not over need not
-- read every sample.
CREATE TABLE summary (
    segment_id INTEGER PRIMARY KEY NOT NULL REFERENCES segment (id) ON DELETE CASCADE,
    organisation_id INTEGER NOT NULL,
    series BLOB NOT NULL
) STRICT;
