-- Notices that the sender cannot read are passed over until the next one starts.
ALTER TABLE alert_notice ADD COLUMN set_aside INTEGER NOT NULL DEFAULT 0 CHECK (set_aside IN (0, 1));
