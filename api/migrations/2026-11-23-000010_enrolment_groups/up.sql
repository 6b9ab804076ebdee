-- A member who is limited to the servers of some groups adds servers to one of them, by a code, too.
ALTER TABLE enrolment ADD COLUMN group_id INTEGER REFERENCES server_group (id) ON DELETE CASCADE;
CREATE INDEX enrolment_by_group ON enrolment (group_id) WHERE group_id IS NOT NULL;

-- A code is worth what its maker may do: with other groups it opens nothing any more.
CREATE TRIGGER enrolment_maker_joined AFTER INSERT ON member_group
    BEGIN DELETE FROM enrolment
        WHERE organisation_id = NEW.organisation_id AND person_id = NEW.person_id; END;
CREATE TRIGGER enrolment_maker_left AFTER DELETE ON member_group
    BEGIN DELETE FROM enrolment
        WHERE organisation_id = OLD.organisation_id AND person_id = OLD.person_id; END;
