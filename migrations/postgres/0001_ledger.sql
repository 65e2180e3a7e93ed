-- Instants are unix microseconds in columns named *_us. Flags are 0 or 1.
-- NULL means what the comment beside the column says, and nothing else.
-- Text that is ordered is ordered by its bytes, as SQLite does.
-- The SQLite twin has the same tables and columns in the same order.

CREATE TABLE accounts (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    provisional BIGINT NOT NULL,
    seen_us     BIGINT NOT NULL
);

CREATE TABLE contacts (
    account  TEXT COLLATE "C" NOT NULL,
    address  TEXT COLLATE "C" NOT NULL,
    domain   TEXT NOT NULL,
    name     TEXT NOT NULL,                         -- the newest one that is not empty
    first_us BIGINT NOT NULL,
    last_us  BIGINT NOT NULL,
    PRIMARY KEY (account, address)
);
CREATE INDEX contacts_domain ON contacts (domain);

-- What is true now of an account, as far as its messages have been folded.
CREATE TABLE folds (
    account          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    last_sent_us     BIGINT NOT NULL,
    last_content_key TEXT COLLATE "C" NOT NULL,
    next_ask_us      BIGINT,                        -- NULL: time alone changes nothing
    state            TEXT NOT NULL
);
CREATE INDEX folds_next_ask ON folds (next_ask_us) WHERE next_ask_us IS NOT NULL;

CREATE TABLE threads (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account      TEXT COLLATE "C" NOT NULL,
    base_subject TEXT COLLATE "C" NOT NULL,
    created_us   BIGINT NOT NULL,
    last_us      BIGINT NOT NULL
);

-- `doc` comes last, so that the other columns are read without its pages.
CREATE TABLE messages (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    content_key  TEXT COLLATE "C" NOT NULL UNIQUE,
    message_id   TEXT,                              -- NULL: the message has none
    original_id  TEXT,                              -- NULL: not a forward, or unknown
    account      TEXT COLLATE "C",                  -- NULL: belongs to no account
    thread       BIGINT REFERENCES threads (id),    -- NULL: in no thread
    direction    TEXT,                              -- NULL: unknown
    automatic    TEXT,                              -- NULL: written by a person
    subject      TEXT NOT NULL,
    base_subject TEXT COLLATE "C" NOT NULL,
    from_address TEXT NOT NULL,
    people       TEXT NOT NULL,                     -- addresses, lower case, separated by spaces
    sent_us      BIGINT NOT NULL,
    arrived_us   BIGINT NOT NULL,
    history      BIGINT NOT NULL,
    evidence     TEXT NOT NULL,
    entry        TEXT,                              -- NULL: nothing to watch
    doc          TEXT NOT NULL
);
CREATE INDEX messages_message_id ON messages (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX messages_original_id ON messages (original_id) WHERE original_id IS NOT NULL;
CREATE INDEX messages_account ON messages (account, sent_us, content_key) WHERE account IS NOT NULL;
CREATE INDEX messages_subject ON messages (account, base_subject, sent_us) WHERE account IS NOT NULL;

-- Raw bytes, one row a content, whatever number of copies reached us.
CREATE TABLE contents (
    hash  BYTEA NOT NULL PRIMARY KEY,               -- SHA-256 of the bytes
    bytes BYTEA NOT NULL
);

-- One row for each place a message was found at.
CREATE TABLE copies (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source       TEXT COLLATE "C" NOT NULL UNIQUE,  -- path, FILE#N, or mailbox, epoch and UID
    hash         BYTEA NOT NULL REFERENCES contents (hash),
    whole_bytes  BIGINT NOT NULL,                   -- size of the message, stored whole or not
    stored_bytes BIGINT NOT NULL,
    arrived_us   BIGINT,                            -- NULL: the message does not say
    kept_us      BIGINT NOT NULL,
    history      BIGINT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('waiting', 'read', 'duplicate', 'quarantined')),
    attempts     BIGINT NOT NULL,
    message      BIGINT REFERENCES messages (id),   -- NULL: not read, or nothing to file
    error        TEXT,                              -- NULL: no attempt has failed
    changed_us   BIGINT NOT NULL
);
CREATE INDEX copies_waiting ON copies (COALESCE(arrived_us, kept_us)) WHERE state = 'waiting';
CREATE INDEX copies_message ON copies (message) WHERE message IS NOT NULL;

-- Why a message stands in its thread.
CREATE TABLE joins (
    message    BIGINT NOT NULL PRIMARY KEY REFERENCES messages (id),
    to_message BIGINT REFERENCES messages (id),     -- NULL: it began the thread
    how        TEXT NOT NULL
);

CREATE TABLE verdicts (
    message  BIGINT NOT NULL PRIMARY KEY REFERENCES messages (id),
    revision TEXT NOT NULL,                         -- of the rules that judged it
    severity TEXT NOT NULL,
    tone     BIGINT,                                -- NULL: unreadable
    urgency  BIGINT,                                -- NULL: unreadable
    doc      TEXT NOT NULL
);

CREATE TABLE hits (
    message BIGINT NOT NULL REFERENCES messages (id),
    rule    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (message, rule)
);

CREATE TABLE incidents (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account    TEXT COLLATE "C" NOT NULL,
    topic      TEXT COLLATE "C" NOT NULL,
    number     BIGINT NOT NULL,
    state      TEXT NOT NULL,
    severity   TEXT NOT NULL,
    opened_us  BIGINT NOT NULL,
    changed_us BIGINT NOT NULL,
    closed_us  BIGINT,                              -- NULL: open
    doc        TEXT NOT NULL,
    UNIQUE (account, topic, number)
);

-- What was told to whom. Rows are added, never changed.
CREATE TABLE told (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_us        BIGINT NOT NULL,
    event        TEXT NOT NULL,
    account      TEXT COLLATE "C" NOT NULL,
    incident     TEXT,                              -- NULL: about no incident
    message      BIGINT,                            -- NULL: time alone did it
    recipient    TEXT NOT NULL,
    severity     TEXT NOT NULL,
    notification BIGINT,                            -- NULL: recorded, not mailed
    doc          TEXT NOT NULL
);
CREATE INDEX told_account ON told (account);
CREATE INDEX told_at ON told (at_us);

CREATE TABLE digests (
    person     TEXT COLLATE "C" NOT NULL,
    local_date TEXT COLLATE "C" NOT NULL,           -- YYYY-MM-DD where the person is
    kind       TEXT NOT NULL,
    at_us      BIGINT NOT NULL,
    PRIMARY KEY (person, local_date, kind)
);

-- E-mails we owe. The states are explained in src/store/outbox.rs.
CREATE TABLE outbox (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dedup_key   TEXT NOT NULL UNIQUE,
    kind        TEXT NOT NULL,
    recipient   TEXT NOT NULL,
    message_id  TEXT NOT NULL,
    account     TEXT COLLATE "C",                   -- NULL: about no account
    incident    TEXT,                               -- NULL: about no incident
    state       TEXT NOT NULL CHECK (state IN ('queued', 'leased', 'sending', 'deferred', 'unknown',
                                                  'sent', 'failed', 'expired', 'held')),
    attempts    BIGINT NOT NULL,
    repeats     BIGINT NOT NULL,                    -- attempts after an unknown outcome
    due_us      BIGINT NOT NULL,                    -- next attempt; while claimed, the end of the lease
    expires_us  BIGINT,                             -- NULL: never
    closed_us   BIGINT,                             -- NULL: still owed
    reply       TEXT,                               -- NULL: the relay has not accepted it
    error       TEXT,                               -- NULL: no attempt has failed
    bytes       BYTEA NOT NULL
);
CREATE INDEX outbox_due ON outbox (due_us, id) WHERE closed_us IS NULL;
