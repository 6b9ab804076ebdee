DROP TABLE confirmation_mail;
DROP TABLE channel_link;
ALTER TABLE channel DROP COLUMN confirmed_at;
