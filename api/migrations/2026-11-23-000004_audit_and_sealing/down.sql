ALTER TABLE session DROP COLUMN proved_at;
DROP TABLE audit_inbox;
DROP TABLE audit_event;
DROP TABLE audit_chain;
DROP TABLE sealed_key;
