-- What is to be told, once for all deliveries that tell the same; it goes with the last of them.
CREATE TABLE delivery_message (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    -- Those of the content, so that nobody need read it to count them.
    bytes INTEGER NOT NULL,
    -- JSON.
    content TEXT NOT NULL
) STRICT;
CREATE INDEX delivery_message_by_organisation ON delivery_message (organisation_id, bytes);
INSERT INTO delivery_message (id, organisation_id, bytes, content)
    SELECT id, organisation_id, length(CAST(message AS BLOB)), message FROM delivery WHERE state = 'waiting';

ALTER TABLE delivery DROP COLUMN message;
-- None when it waits no more.
ALTER TABLE delivery ADD COLUMN message_id INTEGER REFERENCES delivery_message (id) ON DELETE SET NULL;
UPDATE delivery SET message_id = id WHERE state = 'waiting';
CREATE INDEX delivery_by_message ON delivery (message_id) WHERE message_id IS NOT NULL;
CREATE TRIGGER delivery_message_left AFTER UPDATE OF message_id ON delivery
WHEN OLD.message_id IS NOT NULL BEGIN
    DELETE FROM delivery_message WHERE id = OLD.message_id
        AND NOT EXISTS (SELECT 1 FROM delivery WHERE message_id = OLD.message_id);
END;
CREATE TRIGGER delivery_message_orphaned AFTER DELETE ON delivery
WHEN OLD.message_id IS NOT NULL BEGIN
    DELETE FROM delivery_message WHERE id = OLD.message_id
        AND NOT EXISTS (SELECT 1 FROM delivery WHERE message_id = OLD.message_id);
END;

-- The first of each channel, how many there are, and which are the oldest.
CREATE INDEX delivery_of_channel ON delivery (channel_id, state, due_at, created_at);
CREATE INDEX delivery_of_incident ON delivery (incident_id, channel_id) WHERE incident_id IS NOT NULL;
DROP INDEX delivery_by_organisation;
CREATE INDEX delivery_by_organisation ON delivery (organisation_id, state, created_at);

-- Bundles of which messages are made, while some of their notices wait for receivers that keep incidents.
CREATE TABLE alert_bundle (
    bundle INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX alert_bundle_by_organisation ON alert_bundle (organisation_id);
CREATE INDEX alert_notice_by_bundle ON alert_notice (bundle, set_aside, severity);
