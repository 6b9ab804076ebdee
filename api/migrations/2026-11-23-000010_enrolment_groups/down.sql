DROP TRIGGER enrolment_maker_joined;
DROP TRIGGER enrolment_maker_left;
DROP INDEX enrolment_by_group;
ALTER TABLE enrolment DROP COLUMN group_id;
