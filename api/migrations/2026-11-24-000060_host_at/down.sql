ALTER TABLE server DROP COLUMN host_at;
