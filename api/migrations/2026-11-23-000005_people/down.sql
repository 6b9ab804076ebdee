DROP TRIGGER session_moved;
DROP TABLE email_change;
DROP TABLE reset_link;
DROP TABLE invitation;
ALTER TABLE person DROP COLUMN used_organisation_id;
ALTER TABLE person DROP COLUMN name;
ALTER TABLE member DROP COLUMN suspended_at;
