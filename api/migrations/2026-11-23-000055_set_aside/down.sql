ALTER TABLE alert_notice DROP COLUMN set_aside;
