DROP TRIGGER enrolment_maker_changed;
DROP TRIGGER enrolment_maker_removed;
DROP TRIGGER enrolment_server_deleted;
DROP TABLE enrolment;
DROP TRIGGER agent_key_changed;
CREATE TRIGGER agent_key_changed AFTER UPDATE ON agent_key
    BEGIN UPDATE installation SET generation = generation + 1; END;
DROP INDEX agent_key_unseen;
DROP INDEX agent_key_by_successor;
ALTER TABLE agent_key DROP COLUMN unseen_until;
ALTER TABLE agent_key DROP COLUMN successor_id;
ALTER TABLE agent_key DROP COLUMN ended_by;
ALTER TABLE agent_key DROP COLUMN agent_version;
ALTER TABLE agent_key DROP COLUMN used_from;
ALTER TABLE agent_key DROP COLUMN used_at;
