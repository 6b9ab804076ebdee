DROP TABLE sender_lease;
DROP TABLE delivery;
DROP TABLE channel;
