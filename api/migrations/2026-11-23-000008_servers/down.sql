DROP VIEW shown_server;
DROP TABLE member_group;
ALTER TABLE member DROP COLUMN limited;
DROP TABLE group_server;
DROP TABLE server_group;
DROP TABLE server_tag;
ALTER TABLE server DROP COLUMN description;
DROP TRIGGER access_token_changed;
DROP INDEX access_token_by_person;
DROP INDEX access_token_by_organisation;
ALTER TABLE access_token DROP COLUMN used_from;
ALTER TABLE access_token DROP COLUMN used_at;
ALTER TABLE access_token DROP COLUMN name;
ALTER TABLE access_token ADD COLUMN revoked_at INTEGER;
CREATE TRIGGER access_token_changed AFTER UPDATE ON access_token
    BEGIN UPDATE installation SET generation = generation + 1; END;
