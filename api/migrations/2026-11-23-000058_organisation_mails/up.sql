-- How many mails went to channels of an organisation in the hour that began at a time.
CREATE TABLE organisation_mail (
    organisation_id INTEGER PRIMARY KEY NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    since INTEGER NOT NULL,
    sent INTEGER NOT NULL
) STRICT;
