-- When what is kept of the host was said: what waited in a spool says how it was before.
ALTER TABLE server ADD COLUMN host_at INTEGER NOT NULL DEFAULT 0;
