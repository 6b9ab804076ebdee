-- Access tokens get a name and say when and from where they were last used, to the minute.
ALTER TABLE access_token ADD COLUMN name TEXT NOT NULL DEFAULT 'from the command line';
ALTER TABLE access_token ADD COLUMN used_at INTEGER;
ALTER TABLE access_token ADD COLUMN used_from TEXT NOT NULL DEFAULT '';
CREATE INDEX access_token_by_organisation ON access_token (organisation_id, created_at, id);
CREATE INDEX access_token_by_person ON access_token (person_id);
-- Noting a use changes nobody's rights.
DROP TRIGGER access_token_changed;
-- What is revoked is gone; what it was is in the audit log.
DELETE FROM access_token WHERE revoked_at IS NOT NULL;
ALTER TABLE access_token DROP COLUMN revoked_at;
CREATE TRIGGER access_token_changed
    AFTER UPDATE OF organisation_id, person_id, token_hash, scope, expires_at ON access_token
    BEGIN UPDATE installation SET generation = generation + 1; END;

-- Free text of people.
ALTER TABLE server ADD COLUMN description TEXT NOT NULL DEFAULT '';

-- A tag that people and the agent set stands twice.
CREATE TABLE server_tag (
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    tag TEXT NOT NULL CHECK (length(tag) BETWEEN 1 AND 32),
    origin TEXT NOT NULL CHECK (origin IN ('agent', 'person')),
    PRIMARY KEY (server_id, tag, origin)
) STRICT, WITHOUT ROWID;
CREATE INDEX server_tag_by_tag ON server_tag (organisation_id, tag);

-- Groups of servers, which also say what a member with limits sees.
CREATE TABLE server_group (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    name TEXT NOT NULL COLLATE NOCASE,
    created_at INTEGER NOT NULL,
    UNIQUE (organisation_id, name)
) STRICT;

CREATE TABLE group_server (
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    group_id INTEGER NOT NULL REFERENCES server_group (id) ON DELETE CASCADE,
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, server_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_server_by_server ON group_server (server_id);

-- Whether a member sees the servers of some groups alone. Apart from the groups, so that a member
-- whose last group is deleted sees nothing and not everything. Owners and admins see all, always.
ALTER TABLE member ADD COLUMN limited INTEGER NOT NULL DEFAULT 0 CHECK (limited IN (0, 1));

CREATE TABLE member_group (
    organisation_id INTEGER NOT NULL,
    person_id INTEGER NOT NULL,
    group_id INTEGER NOT NULL REFERENCES server_group (id) ON DELETE CASCADE,
    PRIMARY KEY (organisation_id, person_id, group_id),
    FOREIGN KEY (organisation_id, person_id) REFERENCES member (organisation_id, person_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX member_group_by_group ON member_group (group_id);

-- What a limited member sees: the one place that says so.
CREATE VIEW shown_server AS
    SELECT member_group.organisation_id, member_group.person_id, group_server.server_id
    FROM member_group JOIN group_server ON group_server.group_id = member_group.group_id
        AND group_server.organisation_id = member_group.organisation_id;

-- Live streams ask again what they may show.
CREATE TRIGGER group_server_added AFTER INSERT ON group_server
    BEGIN UPDATE installation SET generation = generation + 1; END;
CREATE TRIGGER group_server_removed AFTER DELETE ON group_server
    BEGIN UPDATE installation SET generation = generation + 1; END;
CREATE TRIGGER member_group_added AFTER INSERT ON member_group
    BEGIN UPDATE installation SET generation = generation + 1; END;
CREATE TRIGGER member_group_removed AFTER DELETE ON member_group
    BEGIN UPDATE installation SET generation = generation + 1; END;
