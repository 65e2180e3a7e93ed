-- What each alert lets its reader answer to. Of a token only its hash is known.
CREATE TABLE tokens (
    hash       TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- SHA-256 of the token, in hexadecimal
    person     TEXT NOT NULL,
    account    TEXT NOT NULL,
    covers     TEXT NOT NULL,                       -- incidents and the messages told, as JSON
    issued_us  BIGINT NOT NULL,
    expires_us BIGINT NOT NULL
);
CREATE INDEX tokens_expires ON tokens (expires_us);

-- What members answered. Rows are added, never changed: one is taken back by another.
CREATE TABLE answers (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    answer_key TEXT COLLATE "C" NOT NULL UNIQUE,    -- of the message and the token: the same message acts once
    at_us      BIGINT NOT NULL,
    person     TEXT NOT NULL,
    account    TEXT COLLATE "C" NOT NULL,
    verb       TEXT NOT NULL,
    source     TEXT NOT NULL,                       -- of the copy that brought it
    doc        TEXT NOT NULL
);
CREATE INDEX answers_account ON answers (account, id);
CREATE INDEX answers_verb ON answers (verb, id);

-- Contact with an account that no mail shows: somebody called, or met them.
CREATE TABLE touches (
    account   TEXT COLLATE "C" NOT NULL,
    touch_key TEXT COLLATE "C" NOT NULL,            -- of the answer or the message that says so
    at_us     BIGINT NOT NULL,
    person    TEXT NOT NULL,
    how       TEXT NOT NULL CHECK (how IN ('close', 'note')),
    PRIMARY KEY (account, touch_key)
);
