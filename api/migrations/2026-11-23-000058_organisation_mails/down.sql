DROP TABLE organisation_mail;
