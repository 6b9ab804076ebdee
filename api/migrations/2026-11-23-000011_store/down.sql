DROP INDEX series_by_organisation;
DROP TABLE retention;
DROP TABLE roll_up;
DROP TABLE chunk;
DROP TABLE segment;
DROP TABLE fold_mark;
CREATE INDEX report_by_time ON report (server_id, at);
CREATE UNIQUE INDEX report_by_identity ON report (server_id, boot, seq) WHERE boot IS NOT NULL;
CREATE UNIQUE INDEX report_by_moment ON report (server_id, at) WHERE boot IS NULL;
