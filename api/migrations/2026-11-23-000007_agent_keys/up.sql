-- The last use, to the minute: when, from where, and what the agent said it is.
ALTER TABLE agent_key ADD COLUMN used_at INTEGER;
ALTER TABLE agent_key ADD COLUMN used_from TEXT NOT NULL DEFAULT '';
ALTER TABLE agent_key ADD COLUMN agent_version TEXT NOT NULL DEFAULT '';
-- How it ended, with revoked_at: by somebody, because its successor was used, or as a successor that
-- never was.
ALTER TABLE agent_key ADD COLUMN ended_by TEXT CHECK (ended_by IN ('revoked', 'replaced', 'unseen'));
UPDATE agent_key SET ended_by = 'revoked' WHERE revoked_at IS NOT NULL;
-- A rotation: the keys that end when the successor is used point to it, and it has until then to be used.
ALTER TABLE agent_key ADD COLUMN successor_id INTEGER;
ALTER TABLE agent_key ADD COLUMN unseen_until INTEGER;
CREATE INDEX agent_key_by_successor ON agent_key (successor_id) WHERE successor_id IS NOT NULL;
CREATE INDEX agent_key_unseen ON agent_key (unseen_until) WHERE unseen_until IS NOT NULL;

-- What tells of a use changes no right.
DROP TRIGGER agent_key_changed;
CREATE TRIGGER agent_key_changed
    AFTER UPDATE OF organisation_id, server_id, key_hash, revoked_at, unseen_until ON agent_key
    BEGIN UPDATE installation SET generation = generation + 1; END;

-- Codes that an agent exchanges for its own key. Using one removes it.
CREATE TABLE enrolment (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    code_hash BLOB NOT NULL UNIQUE CHECK (length(code_hash) = 32),
    -- For this server; without one, for a new one.
    server_id INTEGER REFERENCES server (id) ON DELETE CASCADE,
    -- What a new server is called; empty for its host's name.
    name TEXT NOT NULL,
    -- None for the operator.
    person_id INTEGER REFERENCES person (id) ON DELETE CASCADE,
    -- Who made it, as the audit log calls them.
    made_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX enrolment_by_organisation ON enrolment (organisation_id);
CREATE INDEX enrolment_by_server ON enrolment (server_id) WHERE server_id IS NOT NULL;
CREATE INDEX enrolment_by_expiry ON enrolment (expires_at);

-- A code is worth what its maker may do: with a change of the member it opens nothing any more.
CREATE TRIGGER enrolment_maker_changed AFTER UPDATE ON member
    BEGIN DELETE FROM enrolment
        WHERE organisation_id = OLD.organisation_id AND person_id = OLD.person_id; END;
CREATE TRIGGER enrolment_maker_removed AFTER DELETE ON member
    BEGIN DELETE FROM enrolment
        WHERE organisation_id = OLD.organisation_id AND person_id = OLD.person_id; END;
-- A deleted server is kept for a while, to be removed in portions.
CREATE TRIGGER enrolment_server_deleted AFTER UPDATE OF deleted_at ON server WHEN NEW.deleted_at IS NOT NULL
    BEGIN DELETE FROM enrolment WHERE server_id = NEW.id; END;
