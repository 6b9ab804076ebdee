DROP INDEX alert_notice_by_bundle;
DROP TABLE alert_bundle;
DROP INDEX delivery_by_organisation;
CREATE INDEX delivery_by_organisation ON delivery (organisation_id);
DROP INDEX delivery_of_incident;
DROP INDEX delivery_of_channel;
DROP TRIGGER delivery_message_orphaned;
DROP TRIGGER delivery_message_left;
ALTER TABLE delivery ADD COLUMN message TEXT NOT NULL DEFAULT '';
UPDATE delivery SET message = (SELECT content FROM delivery_message WHERE id = delivery.message_id)
    WHERE message_id IS NOT NULL;
DROP INDEX delivery_by_message;
ALTER TABLE delivery DROP COLUMN message_id;
DROP TABLE delivery_message;
