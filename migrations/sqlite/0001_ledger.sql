-- Instants are unix microseconds in columns named *_us. Flags are 0 or 1.
-- NULL means what the comment beside the column says, and nothing else.
-- The PostgreSQL twin has the same tables and columns in the same order.

CREATE TABLE accounts (
    id          TEXT NOT NULL PRIMARY KEY,
    provisional INTEGER NOT NULL,
    seen_us     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE contacts (
    account  TEXT NOT NULL,
    address  TEXT NOT NULL,
    domain   TEXT NOT NULL,
    name     TEXT NOT NULL,                         -- the newest one that is not empty
    first_us INTEGER NOT NULL,
    last_us  INTEGER NOT NULL,
    PRIMARY KEY (account, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX contacts_domain ON contacts (domain);

-- What is true now of an account, as far as its messages have been folded.
CREATE TABLE folds (
    account          TEXT NOT NULL PRIMARY KEY,
    last_sent_us     INTEGER NOT NULL,
    last_content_key TEXT NOT NULL,
    next_ask_us      INTEGER,                       -- NULL: time alone changes nothing
    state            TEXT NOT NULL
) STRICT;
CREATE INDEX folds_next_ask ON folds (next_ask_us) WHERE next_ask_us IS NOT NULL;

CREATE TABLE threads (
    id           INTEGER PRIMARY KEY,
    account      TEXT NOT NULL,
    base_subject TEXT NOT NULL,
    created_us   INTEGER NOT NULL,
    last_us      INTEGER NOT NULL
) STRICT;

-- `doc` comes last, so that the other columns are read without its pages.
CREATE TABLE messages (
    id           INTEGER PRIMARY KEY,
    content_key  TEXT NOT NULL UNIQUE,
    message_id   TEXT,                              -- NULL: the message has none
    original_id  TEXT,                              -- NULL: not a forward, or unknown
    account      TEXT,                              -- NULL: belongs to no account
    thread       INTEGER REFERENCES threads (id),   -- NULL: in no thread
    direction    TEXT,                              -- NULL: unknown
    automatic    TEXT,                              -- NULL: written by a person
    subject      TEXT NOT NULL,
    base_subject TEXT NOT NULL,
    from_address TEXT NOT NULL,
    people       TEXT NOT NULL,                     -- addresses, lower case, separated by spaces
    sent_us      INTEGER NOT NULL,
    arrived_us   INTEGER NOT NULL,
    history      INTEGER NOT NULL,
    evidence     TEXT NOT NULL,
    entry        TEXT,                              -- NULL: nothing to watch
    doc          TEXT NOT NULL
) STRICT;
CREATE INDEX messages_message_id ON messages (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX messages_original_id ON messages (original_id) WHERE original_id IS NOT NULL;
CREATE INDEX messages_account ON messages (account, sent_us, content_key) WHERE account IS NOT NULL;
CREATE INDEX messages_subject ON messages (account, base_subject, sent_us) WHERE account IS NOT NULL;

-- Raw bytes, one row a content, whatever number of copies reached us.
CREATE TABLE contents (
    hash  BLOB NOT NULL PRIMARY KEY,                -- SHA-256 of the bytes
    bytes BLOB NOT NULL
) STRICT;

-- One row for each place a message was found at.
CREATE TABLE copies (
    id           INTEGER PRIMARY KEY,
    source       TEXT NOT NULL UNIQUE,              -- path, FILE#N, or mailbox, epoch and UID
    hash         BLOB NOT NULL REFERENCES contents (hash),
    whole_bytes  INTEGER NOT NULL,                  -- size of the message, stored whole or not
    stored_bytes INTEGER NOT NULL,
    arrived_us   INTEGER,                           -- NULL: the message does not say
    kept_us      INTEGER NOT NULL,
    history      INTEGER NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('waiting', 'read', 'duplicate', 'quarantined')),
    attempts     INTEGER NOT NULL,
    message      INTEGER REFERENCES messages (id),  -- NULL: not read, or nothing to file
    error        TEXT,                              -- NULL: no attempt has failed
    changed_us   INTEGER NOT NULL
) STRICT;
CREATE INDEX copies_waiting ON copies (COALESCE(arrived_us, kept_us)) WHERE state = 'waiting';
CREATE INDEX copies_message ON copies (message) WHERE message IS NOT NULL;

-- Why a message stands in its thread.
CREATE TABLE joins (
    message    INTEGER NOT NULL PRIMARY KEY REFERENCES messages (id),
    to_message INTEGER REFERENCES messages (id),    -- NULL: it began the thread
    how        TEXT NOT NULL
) STRICT;

CREATE TABLE verdicts (
    message  INTEGER NOT NULL PRIMARY KEY REFERENCES messages (id),
    revision TEXT NOT NULL,                         -- of the rules that judged it
    severity TEXT NOT NULL,
    tone     INTEGER,                               -- NULL: unreadable
    urgency  INTEGER,                               -- NULL: unreadable
    doc      TEXT NOT NULL
) STRICT;

CREATE TABLE hits (
    message INTEGER NOT NULL REFERENCES messages (id),
    rule    TEXT NOT NULL,
    PRIMARY KEY (message, rule)
) STRICT, WITHOUT ROWID;

CREATE TABLE incidents (
    id         TEXT NOT NULL PRIMARY KEY,
    account    TEXT NOT NULL,
    topic      TEXT NOT NULL,
    number     INTEGER NOT NULL,
    state      TEXT NOT NULL,
    severity   TEXT NOT NULL,
    opened_us  INTEGER NOT NULL,
    changed_us INTEGER NOT NULL,
    closed_us  INTEGER,                             -- NULL: open
    doc        TEXT NOT NULL,
    UNIQUE (account, topic, number)
) STRICT;

-- What was told to whom. Rows are added, never changed.
CREATE TABLE told (
    id           INTEGER PRIMARY KEY,
    at_us        INTEGER NOT NULL,
    event        TEXT NOT NULL,
    account      TEXT NOT NULL,
    incident     TEXT,                              -- NULL: about no incident
    message      INTEGER,                           -- NULL: time alone did it
    recipient    TEXT NOT NULL,
    severity     TEXT NOT NULL,
    notification INTEGER,                           -- NULL: recorded, not mailed
    doc          TEXT NOT NULL
) STRICT;
CREATE INDEX told_account ON told (account);
CREATE INDEX told_at ON told (at_us);

CREATE TABLE digests (
    person     TEXT NOT NULL,
    local_date TEXT NOT NULL,                       -- YYYY-MM-DD where the person is
    kind       TEXT NOT NULL,
    at_us      INTEGER NOT NULL,
    PRIMARY KEY (person, local_date, kind)
) STRICT, WITHOUT ROWID;

-- E-mails we owe. The states are explained in src/store/outbox.rs.
CREATE TABLE outbox (
    id          INTEGER PRIMARY KEY,
    dedup_key   TEXT NOT NULL UNIQUE,
    kind        TEXT NOT NULL,
    recipient   TEXT NOT NULL,
    message_id  TEXT NOT NULL,
    account     TEXT,                               -- NULL: about no account
    incident    TEXT,                               -- NULL: about no incident
    state       TEXT NOT NULL CHECK (state IN ('queued', 'leased', 'sending', 'deferred', 'unknown',
                                                  'sent', 'failed', 'expired', 'held')),
    attempts    INTEGER NOT NULL,
    repeats     INTEGER NOT NULL,                   -- attempts after an unknown outcome
    due_us      INTEGER NOT NULL,                   -- next attempt; while claimed, the end of the lease
    expires_us  INTEGER,                            -- NULL: never
    closed_us   INTEGER,                            -- NULL: still owed
    reply       TEXT,                               -- NULL: the relay has not accepted it
    error       TEXT,                               -- NULL: no attempt has failed
    bytes       BLOB NOT NULL
) STRICT;
CREATE INDEX outbox_due ON outbox (due_us, id) WHERE closed_us IS NULL;
