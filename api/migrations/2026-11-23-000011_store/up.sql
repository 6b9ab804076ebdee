-- The report log keeps what was acknowledged until it is folded. It is only ever appended to and cut off
-- at its beginning: it has no index, and what finds reports in it is in memory, made from it at the start.
CREATE TABLE report_log (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL,
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    boot INTEGER,
    seq INTEGER,
    -- Series ids and values, in postcard's encoding.
    samples BLOB NOT NULL,
    CHECK ((boot IS NULL) = (seq IS NULL))
) STRICT;
INSERT INTO report_log (id, organisation_id, server_id, at, received_at, boot, seq, samples)
    SELECT id, organisation_id, server_id, at, received_at, boot, seq, samples FROM report ORDER BY id;
DROP TABLE report;
ALTER TABLE report_log RENAME TO report;

-- Up to which report of the log a server's are folded.
CREATE TABLE fold_mark (
    server_id INTEGER PRIMARY KEY NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    organisation_id INTEGER NOT NULL,
    report_id INTEGER NOT NULL
) STRICT;

-- Folded reports of one server and half-day. First small ones from the log; later all of a half-day merged
-- into one.
CREATE TABLE segment (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL,
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    -- Half-days since the Unix epoch.
    period INTEGER NOT NULL,
    merged INTEGER NOT NULL CHECK (merged IN (0, 1)),
    -- Whether the roll-ups of the half-day hold it.
    rolled INTEGER NOT NULL CHECK (rolled IN (0, 1)),
    made_at INTEGER NOT NULL,
    reports INTEGER NOT NULL,
    -- What it takes, its chunks included.
    bytes INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    -- When the newest of its reports arrived.
    received_at INTEGER NOT NULL,
    -- Times and identities of its reports, compressed.
    times BLOB NOT NULL,
    starts BLOB NOT NULL,
    moments BLOB NOT NULL
) STRICT;
CREATE INDEX segment_by_server ON segment (server_id, period);
CREATE INDEX segment_by_organisation ON segment (organisation_id, period);
CREATE INDEX segment_unrolled ON segment (server_id, period) WHERE rolled = 0;

-- The samples of one series in a segment, compressed. Organisations are not referred to, so that the end
-- of one need not look through all.
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL,
    segment_id INTEGER NOT NULL REFERENCES segment (id) ON DELETE CASCADE,
    series_id INTEGER NOT NULL,
    samples BLOB NOT NULL
) STRICT;
CREATE INDEX chunk_by_segment ON chunk (segment_id, series_id);

-- Average, extremes and count of a series' samples, compressed. A span is half a day of minutes, four days
-- of quarters of an hour or sixteen of hours, numbered since the Unix epoch.
CREATE TABLE roll_up (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL,
    series_id INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
    seconds INTEGER NOT NULL CHECK (seconds IN (60, 900, 3600)),
    span INTEGER NOT NULL,
    buckets BLOB NOT NULL,
    UNIQUE (series_id, seconds, span)
) STRICT;
CREATE INDEX roll_up_by_organisation ON roll_up (organisation_id, seconds, span);

-- How long an organisation keeps what, in seconds; the defaults where it has said nothing.
CREATE TABLE retention (
    organisation_id INTEGER PRIMARY KEY NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    raw INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    quarter_hour INTEGER NOT NULL,
    hour INTEGER NOT NULL
) STRICT;

CREATE INDEX series_by_organisation ON series (organisation_id);
