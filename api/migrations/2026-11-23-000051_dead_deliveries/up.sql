-- What was given up is counted for each channel.
CREATE INDEX delivery_dead ON delivery (organisation_id, channel_id) WHERE state = 'dead';
