-- Since when anything may go to a channel: an address for mail is asked first. What there is goes on.
ALTER TABLE channel ADD COLUMN confirmed_at INTEGER;
UPDATE channel SET confirmed_at = created_at;

-- Links that were mailed to the addresses of channels; of each channel the newest opens.
CREATE TABLE channel_link (
    token_hash BLOB PRIMARY KEY NOT NULL CHECK (length(token_hash) = 32),
    organisation_id INTEGER NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    channel_id INTEGER NOT NULL UNIQUE REFERENCES channel (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX channel_link_by_organisation ON channel_link (organisation_id);

-- Who was asked when, for a day. It outlives channel and organisation, so that neither is made anew to ask again;
-- the address is an HMAC under a sealed key.
CREATE TABLE confirmation_mail (
    id INTEGER PRIMARY KEY NOT NULL,
    organisation_id INTEGER REFERENCES organisation (id) ON DELETE SET NULL,
    channel_id INTEGER REFERENCES channel (id) ON DELETE SET NULL,
    address_hash BLOB NOT NULL CHECK (length(address_hash) = 32),
    sent_at INTEGER NOT NULL
) STRICT;
CREATE INDEX confirmation_mail_by_organisation ON confirmation_mail (organisation_id, sent_at);
CREATE INDEX confirmation_mail_by_channel ON confirmation_mail (channel_id);
CREATE INDEX confirmation_mail_by_address ON confirmation_mail (address_hash, sent_at);
CREATE INDEX confirmation_mail_by_time ON confirmation_mail (sent_at);
