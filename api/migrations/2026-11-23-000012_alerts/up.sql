-- When what is worth an incident. Thresholds are in the unit of the measure, times in seconds.
CREATE TABLE alert_rule (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    name TEXT NOT NULL COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 64),
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    kind TEXT NOT NULL,
    -- For which servers: at most one of these is there; without any, for all.
    group_id INTEGER REFERENCES server_group (id) ON DELETE CASCADE,
    tag TEXT,
    server_id INTEGER REFERENCES server (id) ON DELETE CASCADE,
    measure TEXT NOT NULL,
    -- Which values of the measure: at most one of these is there; without any, each.
    label TEXT,
    label_pattern TEXT,
    comparison TEXT NOT NULL CHECK (comparison IN ('above', 'below')),
    warning REAL,
    critical REAL,
    recovery REAL,
    sustain INTEGER NOT NULL,
    share INTEGER NOT NULL CHECK (share BETWEEN 1 AND 100),
    cooldown INTEGER NOT NULL,
    remind_every INTEGER,
    remind_limit INTEGER NOT NULL,
    -- Ids of the channels that are told: a JSON array.
    channels TEXT NOT NULL DEFAULT '[]',
    created_at INTEGER NOT NULL,
    UNIQUE (organisation_id, name),
    CHECK ((group_id IS NULL) + (tag IS NULL) + (server_id IS NULL) >= 2),
    CHECK (label IS NULL OR label_pattern IS NULL),
    CHECK (warning IS NOT NULL OR critical IS NOT NULL)
) STRICT;
CREATE INDEX alert_rule_by_group ON alert_rule (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX alert_rule_by_server ON alert_rule (server_id) WHERE server_id IS NOT NULL;

-- What every new organisation begins with.
CREATE TABLE default_alert_rule (
    name TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    measure TEXT NOT NULL,
    warning REAL,
    critical REAL,
    sustain INTEGER NOT NULL,
    cooldown INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO default_alert_rule (name, kind, measure, warning, critical, sustain, cooldown) VALUES
    ('CPU', 'threshold', 'cpu_usage', 80, 90, 120, 300),
    ('Memory', 'threshold', 'memory_usage', 80, 90, 120, 300),
    ('Disk', 'threshold', 'disk_usage', 80, 90, 300, 300),
    ('Offline', 'offline', 'silence_seconds', NULL, 60, 0, 0);

CREATE TRIGGER organisation_begins_with_rules AFTER INSERT ON organisation
    BEGIN INSERT INTO alert_rule (id, organisation_id, name, enabled, kind, measure, comparison, warning,
        critical, sustain, share, cooldown, remind_every, remind_limit, created_at)
    SELECT random() & 9223372036854775807, NEW.id, name, 1, kind, measure, 'above', warning, critical,
        sustain, 100, cooldown, 14400, 6, NEW.created_at FROM default_alert_rule; END;
INSERT INTO alert_rule (id, organisation_id, name, enabled, kind, measure, comparison, warning, critical,
        sustain, share, cooldown, remind_every, remind_limit, created_at)
    SELECT random() & 9223372036854775807, organisation.id, default_alert_rule.name, 1, kind, measure,
        'above', warning, critical, sustain, 100, cooldown, 14400, 6, organisation.created_at
    FROM organisation, default_alert_rule WHERE deleted_at IS NULL;

-- What was wrong, from its beginning to its end. What it says of its rule is that of its opening.
CREATE TABLE incident (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    rule_id INTEGER NOT NULL,
    rule_name TEXT NOT NULL,
    kind TEXT NOT NULL,
    measure TEXT NOT NULL,
    comparison TEXT NOT NULL,
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    -- Empty where the measure has none.
    label TEXT NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('warning', 'critical')),
    worst_severity TEXT NOT NULL CHECK (worst_severity IN ('warning', 'critical')),
    threshold REAL NOT NULL,
    value REAL NOT NULL,
    worst REAL NOT NULL,
    -- By the clock of the samples.
    opened_at INTEGER NOT NULL,
    ended_at INTEGER,
    -- By the dashboard's clock.
    noticed_at INTEGER NOT NULL,
    closed_at INTEGER,
    end_reason TEXT,
    flaps INTEGER NOT NULL,
    told_at INTEGER NOT NULL,
    reminders INTEGER NOT NULL DEFAULT 0,
    acknowledged_at INTEGER,
    acknowledged_by TEXT NOT NULL DEFAULT '',
    note TEXT NOT NULL DEFAULT '',
    snoozed_until INTEGER,
    CHECK ((ended_at IS NULL) = (closed_at IS NULL) AND (ended_at IS NULL) = (end_reason IS NULL))
) STRICT;
-- One at a time of a rule at a value.
CREATE UNIQUE INDEX incident_open ON incident (server_id, rule_id, label) WHERE ended_at IS NULL;
CREATE INDEX incident_by_organisation ON incident (organisation_id, noticed_at, id);
CREATE INDEX incident_by_server ON incident (server_id, noticed_at);

CREATE TABLE incident_event (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    incident_id INTEGER NOT NULL REFERENCES incident (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    severity TEXT NOT NULL,
    value REAL,
    person TEXT NOT NULL,
    note TEXT NOT NULL
) STRICT;
CREATE INDEX incident_event_by_incident ON incident_event (incident_id);
CREATE INDEX incident_event_by_organisation ON incident_event (organisation_id);

-- What is to be told to channels, written with what it tells of. Rows of one bundle are one message. It
-- refers to nothing that could be deleted before it is told.
CREATE TABLE alert_notice (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    incident_id INTEGER NOT NULL,
    rule_id INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('opened', 'escalated', 'reminder', 'resolved')),
    severity TEXT NOT NULL,
    at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    bundle INTEGER NOT NULL,
    channels TEXT NOT NULL,
    -- Server, rule, value and so on: JSON.
    tells TEXT NOT NULL
) STRICT;
CREATE INDEX alert_notice_due ON alert_notice (due_at, bundle);
CREATE INDEX alert_notice_by_organisation ON alert_notice (organisation_id);

-- What led up to an orderly end of the program: for how long what has breached.
CREATE TABLE alert_state (
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    rule_id INTEGER NOT NULL,
    label TEXT NOT NULL,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    tracks TEXT NOT NULL,
    PRIMARY KEY (server_id, rule_id, label)
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_state_by_organisation ON alert_state (organisation_id);

-- When a host started, by its own clock.
CREATE TABLE server_boot (
    server_id INTEGER PRIMARY KEY NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    boot_at INTEGER NOT NULL
) STRICT;
CREATE INDEX server_boot_by_organisation ON server_boot (organisation_id);

-- When servers raise no incident: once from one time to another, or weekly on some days.
CREATE TABLE maintenance_window (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    group_id INTEGER REFERENCES server_group (id) ON DELETE CASCADE,
    tag TEXT,
    server_id INTEGER REFERENCES server (id) ON DELETE CASCADE,
    from_at INTEGER,
    to_at INTEGER,
    -- Bit 0 is Monday.
    days INTEGER,
    -- After midnight.
    minute INTEGER,
    -- Seconds.
    length INTEGER,
    zone TEXT,
    until_at INTEGER,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    CHECK ((group_id IS NULL) + (tag IS NULL) + (server_id IS NULL) >= 2),
    CHECK ((from_at IS NULL) = (to_at IS NULL)),
    CHECK ((days IS NULL) = (from_at IS NOT NULL)),
    CHECK ((days IS NULL) = (minute IS NULL) AND (days IS NULL) = (length IS NULL) AND (days IS NULL) = (zone IS NULL))
) STRICT;
CREATE INDEX maintenance_window_by_organisation ON maintenance_window (organisation_id);
CREATE INDEX maintenance_window_by_group ON maintenance_window (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX maintenance_window_by_server ON maintenance_window (server_id) WHERE server_id IS NOT NULL;
