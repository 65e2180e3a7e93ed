-- Digests look at what arrived since the last one.
CREATE INDEX messages_arrived ON messages (arrived_us);
