ALTER TABLE organisation DROP COLUMN deleted_at;
