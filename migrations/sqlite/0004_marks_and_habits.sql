-- What a message of an account can be found by, beside its Message-ID: the beginning of its text, the number of
-- its conversation. And, of messages that found nothing to join, what they point to: it may come later.
CREATE TABLE marks (
    account TEXT NOT NULL,
    mark    TEXT NOT NULL,
    tie     TEXT NOT NULL,                          -- '': its own; else what the mark of another would be
    message INTEGER NOT NULL REFERENCES messages (id),
    PRIMARY KEY (account, mark, tie, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX marks_message ON marks (message);
CREATE INDEX messages_thread ON messages (thread) WHERE thread IS NOT NULL;

-- Paragraphs that mail of a domain repeats: at some point they are boilerplate.
CREATE TABLE habits (
    domain   TEXT NOT NULL,
    mark     TEXT NOT NULL,
    messages INTEGER NOT NULL,
    first_us INTEGER NOT NULL,
    last_us  INTEGER NOT NULL,
    PRIMARY KEY (domain, mark)
) STRICT, WITHOUT ROWID;
CREATE INDEX habits_learnt ON habits (messages, last_us);
