-- How far a folder of a mailbox is read. A new UIDVALIDITY is another folder.
CREATE TABLE cursors (
    mailbox      TEXT NOT NULL,
    folder       TEXT NOT NULL,
    uid_validity INTEGER NOT NULL,
    next_uid     INTEGER NOT NULL,                  -- every UID below it that was listed is stored or absent
    news_from    INTEGER,                           -- UIDs below it were there when the epoch began; NULL: not yet known
    settled_uid  INTEGER NOT NULL,                  -- UIDs below it were flagged or moved, where that is wanted
    listed       INTEGER NOT NULL,                  -- how many UIDs were listed
    began_us     INTEGER NOT NULL,
    polled_us    INTEGER NOT NULL,                  -- last successful poll
    heard_us     INTEGER NOT NULL,                  -- a message was last found in it
    PRIMARY KEY (mailbox, folder, uid_validity)
) STRICT, WITHOUT ROWID;

-- Listed messages of which nothing is stored, and why.
CREATE TABLE absent (
    source TEXT NOT NULL PRIMARY KEY,
    why    TEXT NOT NULL CHECK (why IN ('gone', 'unwanted')),
    at_us  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What one daemon at a time does, until when it may.
CREATE TABLE leases (
    name     TEXT NOT NULL PRIMARY KEY,
    owner    TEXT NOT NULL,
    until_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- 1 for a critical alert, which no cap holds back.
ALTER TABLE outbox ADD COLUMN grave INTEGER NOT NULL DEFAULT 0;
-- Refusals of the recipient that may not be final.
ALTER TABLE outbox ADD COLUMN doubts INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outbox_recipient ON outbox (recipient, closed_us);

-- What a large content has beyond its first piece, which stands in contents. No piece is so
-- large that handling it takes memory worth speaking of.
CREATE TABLE pieces (
    hash   BLOB NOT NULL REFERENCES contents (hash) ON DELETE CASCADE,
    number INTEGER NOT NULL,                         -- from 1
    bytes  BLOB NOT NULL,
    PRIMARY KEY (hash, number)
) STRICT;
