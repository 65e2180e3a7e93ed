-- Threads are looked up inside one account: without the account in front, the
-- planner would walk through all of an account's messages.
DROP INDEX messages_message_id;
DROP INDEX messages_original_id;
CREATE INDEX messages_message_id ON messages (account, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX messages_original_id ON messages (account, original_id) WHERE original_id IS NOT NULL;
