-- What the fold found out over time: promises and their fate, silence, answers owed.
-- A row is written when it first becomes true, and stays.
CREATE TABLE findings (
    account  TEXT COLLATE "C" NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,             -- the same in every fold
    event    TEXT NOT NULL,
    at_us    BIGINT NOT NULL,                       -- when it became true
    known_us BIGINT NOT NULL,                       -- when we found out
    doc      TEXT NOT NULL,
    PRIMARY KEY (account, id)
);
CREATE INDEX findings_known ON findings (known_us);

-- Promises as the last fold left them.
CREATE TABLE commitments (
    account  TEXT COLLATE "C" NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    standing TEXT NOT NULL,
    due_us   BIGINT,                          -- NULL: no day was named
    open_us  BIGINT,                          -- NULL: settled; else when it was made
    doc      TEXT NOT NULL,
    PRIMARY KEY (account, id)
);
CREATE INDEX commitments_open ON commitments (due_us) WHERE open_us IS NOT NULL;

CREATE INDEX told_incident ON told (incident) WHERE incident IS NOT NULL;
CREATE INDEX incidents_open ON incidents (account) WHERE closed_us IS NULL;
