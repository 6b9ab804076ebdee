-- Mails of accounts that wait for the process that sends. They hold one-time links, so they are sealed.
CREATE TABLE account_mail (
    id INTEGER PRIMARY KEY NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    sealed_mail BLOB NOT NULL
) STRICT;
CREATE INDEX account_mail_due ON account_mail (due_at);
