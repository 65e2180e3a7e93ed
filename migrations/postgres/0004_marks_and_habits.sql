-- What a message of an account can be found by, beside its Message-ID: the beginning of its text, the number of
-- its conversation. And, of messages that found nothing to join, what they point to: it may come later.
CREATE TABLE marks (
    account TEXT COLLATE "C" NOT NULL,
    mark    TEXT COLLATE "C" NOT NULL,
    tie     TEXT NOT NULL,                          -- '': its own; else what the mark of another would be
    message BIGINT NOT NULL REFERENCES messages (id),
    PRIMARY KEY (account, mark, tie, message)
);
CREATE INDEX marks_message ON marks (message);
CREATE INDEX messages_thread ON messages (thread) WHERE thread IS NOT NULL;

-- Paragraphs that mail of a domain repeats: at some point they are boilerplate.
CREATE TABLE habits (
    domain   TEXT COLLATE "C" NOT NULL,
    mark     TEXT COLLATE "C" NOT NULL,
    messages BIGINT NOT NULL,
    first_us BIGINT NOT NULL,
    last_us  BIGINT NOT NULL,
    PRIMARY KEY (domain, mark)
);
CREATE INDEX habits_learnt ON habits (messages, last_us);
