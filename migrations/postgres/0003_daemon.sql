-- How far a folder of a mailbox is read. A new UIDVALIDITY is another folder.
CREATE TABLE cursors (
    mailbox      TEXT COLLATE "C" NOT NULL,
    folder       TEXT COLLATE "C" NOT NULL,
    uid_validity BIGINT NOT NULL,
    next_uid     BIGINT NOT NULL,                  -- every UID below it that was listed is stored or absent
    news_from    BIGINT,                           -- UIDs below it were there when the epoch began; NULL: not yet known
    settled_uid  BIGINT NOT NULL,                  -- UIDs below it were flagged or moved, where that is wanted
    listed       BIGINT NOT NULL,                  -- how many UIDs were listed
    began_us     BIGINT NOT NULL,
    polled_us    BIGINT NOT NULL,                  -- last successful poll
    heard_us     BIGINT NOT NULL,                  -- a message was last found in it
    PRIMARY KEY (mailbox, folder, uid_validity)
);

-- Listed messages of which nothing is stored, and why.
CREATE TABLE absent (
    source TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    why    TEXT NOT NULL CHECK (why IN ('gone', 'unwanted')),
    at_us  BIGINT NOT NULL
);

-- What one daemon at a time does, until when it may.
CREATE TABLE leases (
    name     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    owner    TEXT NOT NULL,
    until_us BIGINT NOT NULL
);

-- 1 for a critical alert, which no cap holds back.
ALTER TABLE outbox ADD COLUMN grave BIGINT NOT NULL DEFAULT 0;
-- Refusals of the recipient that may not be final.
ALTER TABLE outbox ADD COLUMN doubts BIGINT NOT NULL DEFAULT 0;
CREATE INDEX outbox_recipient ON outbox (recipient, closed_us);

-- What a large content has beyond its first piece, which stands in contents. No piece is so
-- large that handling it takes memory worth speaking of.
CREATE TABLE pieces (
    hash   BYTEA NOT NULL REFERENCES contents (hash) ON DELETE CASCADE,
    number BIGINT NOT NULL,                         -- from 1
    bytes  BYTEA NOT NULL,
    PRIMARY KEY (hash, number)
);
