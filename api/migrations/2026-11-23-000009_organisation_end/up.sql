-- Gone for everybody; what it leaves behind is being removed.
ALTER TABLE organisation ADD COLUMN deleted_at INTEGER;
