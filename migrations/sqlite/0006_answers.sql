-- What each alert lets its reader answer to. Of a token only its hash is known.
CREATE TABLE tokens (
    hash       TEXT NOT NULL PRIMARY KEY,           -- SHA-256 of the token, in hexadecimal
    person     TEXT NOT NULL,
    account    TEXT NOT NULL,
    covers     TEXT NOT NULL,                       -- incidents and the messages told, as JSON
    issued_us  INTEGER NOT NULL,
    expires_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_expires ON tokens (expires_us);

-- What members answered. Rows are added, never changed: one is taken back by another.
CREATE TABLE answers (
    id         INTEGER PRIMARY KEY,
    answer_key TEXT NOT NULL UNIQUE,                -- of the message and the token: the same message acts once
    at_us      INTEGER NOT NULL,
    person     TEXT NOT NULL,
    account    TEXT NOT NULL,
    verb       TEXT NOT NULL,
    source     TEXT NOT NULL,                       -- of the copy that brought it
    doc        TEXT NOT NULL
) STRICT;
CREATE INDEX answers_account ON answers (account, id);
CREATE INDEX answers_verb ON answers (verb, id);

-- Contact with an account that no mail shows: somebody called, or met them.
CREATE TABLE touches (
    account   TEXT NOT NULL,
    touch_key TEXT NOT NULL,                        -- of the answer or the message that says so
    at_us     INTEGER NOT NULL,
    person    TEXT NOT NULL,
    how       TEXT NOT NULL CHECK (how IN ('close', 'note')),
    PRIMARY KEY (account, touch_key)
) STRICT, WITHOUT ROWID;
