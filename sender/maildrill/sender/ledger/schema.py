"""The tables of a ledger in SQLite, as migrations: number n is what brings user_version n-1 to n.

Rule: a migration that has been released is never edited; add another.
"""

from __future__ import annotations

#: PRAGMA application_id: "mdrl"; tells a ledger from any other SQLite file.
APPLICATION = 0x6D64726C

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE campaign (
          only INTEGER PRIMARY KEY CHECK (only = 1),
          name TEXT NOT NULL,
          fingerprint TEXT NOT NULL,
          created REAL NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE run (
          id INTEGER PRIMARY KEY,
          started REAL NOT NULL,
          ended REAL
        ) STRICT
        """,
        """
        CREATE TABLE recipient (
          id INTEGER PRIMARY KEY,
          identity TEXT NOT NULL UNIQUE, -- equal for spellings that are one recipient
          address TEXT NOT NULL,
          number INTEGER NOT NULL, -- its line in the list
          fields TEXT NOT NULL, -- its row, JSON, as it was when the recipient was added
          message_id TEXT NOT NULL,
          body_hash TEXT, -- of the message whose dot left last
          queued_at REAL NOT NULL,
          state TEXT NOT NULL CHECK ( -- no IN: SQLite would fill a table with nine words for each row that is written
            state = 'pending' OR state = 'inflight' OR state = 'delivered' OR state = 'deferred' OR state = 'failed'
            OR state = 'expired' OR state = 'unknown' OR state = 'held' OR state = 'suppressed'),
          attempts INTEGER NOT NULL DEFAULT 0, -- the counted ones
          due REAL CHECK (state NOT IN ('pending', 'deferred') OR due IS NOT NULL),
          first_at REAL,
          expires_at REAL,
          doubtful INTEGER NOT NULL DEFAULT 0, -- whether any try ended unknown
          reason TEXT NOT NULL DEFAULT '',
          attempt INTEGER REFERENCES attempt (id) -- the last one
        ) STRICT
        """,
        """
        CREATE TABLE attempt (
          id INTEGER PRIMARY KEY,
          recipient INTEGER NOT NULL REFERENCES recipient (id),
          number INTEGER NOT NULL,
          run INTEGER NOT NULL REFERENCES run (id),
          session INTEGER NOT NULL,
          txn INTEGER,
          started REAL NOT NULL,
          ended REAL NOT NULL,
          verdict TEXT NOT NULL,
          state TEXT NOT NULL,
          scope TEXT NOT NULL,
          stage TEXT NOT NULL,
          code INTEGER,
          lines TEXT, -- of the reply, joined by line feeds
          fault TEXT,
          detail TEXT NOT NULL,
          rule TEXT NOT NULL, -- the row of docs/dispositions.md
          counted INTEGER NOT NULL,
          until REAL
        ) STRICT
        """,
        """
        CREATE TABLE intent ( -- the final dot was about to leave; no outcome is known yet
          recipient INTEGER PRIMARY KEY REFERENCES recipient (id),
          run INTEGER NOT NULL,
          session INTEGER NOT NULL,
          txn INTEGER NOT NULL,
          started REAL NOT NULL,
          at REAL NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE learned (
          relay TEXT PRIMARY KEY,
          recipients INTEGER NOT NULL
        ) STRICT
        """,
    ),
    (
        """
        CREATE TABLE requeue ( -- an operator said between two runs: try this one again
          id INTEGER PRIMARY KEY,
          recipient INTEGER NOT NULL REFERENCES recipient (id),
          at REAL NOT NULL,
          before TEXT NOT NULL, -- its state until then
          by TEXT NOT NULL -- the command
        ) STRICT
        """,
    ),
    (
        "ALTER TABLE attempt ADD COLUMN account TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE attempt ADD COLUMN host TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE intent ADD COLUMN account TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE intent ADD COLUMN host TEXT NOT NULL DEFAULT ''",
        """
        CREATE TABLE lesson ( -- a limit that a destination taught
          destination TEXT NOT NULL,
          kind TEXT NOT NULL,
          value REAL NOT NULL,
          at REAL NOT NULL,
          code INTEGER, -- of the reply that taught it
          lines TEXT,
          PRIMARY KEY (destination, kind)
        ) STRICT
        """,
        "INSERT INTO lesson (destination, kind, value, at) SELECT relay, 'recipients', recipients, 0 FROM learned",
        "DROP TABLE learned",
    ),
    ("CREATE INDEX recipient_turn ON recipient (due, id) WHERE state IN ('pending', 'deferred')",),
    (
        "ALTER TABLE intent ADD COLUMN code INTEGER",  # of the reply to RCPT, where that refused: then no dot leaves
        "ALTER TABLE intent ADD COLUMN lines TEXT",
        "ALTER TABLE intent ADD COLUMN rule TEXT NOT NULL DEFAULT ''",
    ),
    (
        "ALTER TABLE recipient ADD COLUMN domain TEXT NOT NULL DEFAULT ''",  # in lower case
        "UPDATE recipient SET domain = lower(substr(address, length(rtrim(address, replace(address, '@', ''))) + 1))",
        "DROP INDEX recipient_turn",
        "CREATE INDEX recipient_turn ON recipient (due, id, domain) WHERE state IN ('pending', 'deferred')",
    ),
    ("ALTER TABLE attempt ADD COLUMN override TEXT NOT NULL DEFAULT ''",),  # the user's own word that decided
    (
        """
        CREATE TABLE pause ( -- the content was refused; nothing is sent before an operator resumes
          id INTEGER PRIMARY KEY,
          at REAL NOT NULL,
          run INTEGER NOT NULL,
          recipients INTEGER NOT NULL, -- refused in a row
          code INTEGER NOT NULL, -- of the reply
          lines TEXT,
          resumed REAL
        ) STRICT
        """,
    ),
)
