DROP TABLE alert_evaluation;
DROP TABLE heartbeat;
