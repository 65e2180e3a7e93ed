-- What the fold found out over time: promises and their fate, silence, answers owed.
-- A row is written when it first becomes true, and stays.
CREATE TABLE findings (
    account  TEXT NOT NULL,
    id       TEXT NOT NULL,                         -- the same in every fold
    event    TEXT NOT NULL,
    at_us    INTEGER NOT NULL,                      -- when it became true
    known_us INTEGER NOT NULL,                      -- when we found out
    doc      TEXT NOT NULL,
    PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX findings_known ON findings (known_us);

-- Promises as the last fold left them.
CREATE TABLE commitments (
    account  TEXT NOT NULL,
    id       TEXT NOT NULL,
    standing TEXT NOT NULL,
    due_us   INTEGER,                         -- NULL: no day was named
    open_us  INTEGER,                         -- NULL: settled; else when it was made
    doc      TEXT NOT NULL,
    PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX commitments_open ON commitments (due_us) WHERE open_us IS NOT NULL;

CREATE INDEX told_incident ON told (incident) WHERE incident IS NOT NULL;
CREATE INDEX incidents_open ON incidents (account) WHERE closed_us IS NULL;
