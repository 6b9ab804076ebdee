DROP TRIGGER requirement_changed;
DROP TRIGGER login_step_of_old_password;
ALTER TABLE organisation DROP COLUMN requires_second_factor;
DROP TABLE login_step;
DROP TABLE passkey;
DROP TABLE recovery_code;
DROP TABLE totp;
