-- +goose Up
-- Times are microseconds since the Unix epoch.

-- A namespace outlives its records, so that no version is issued twice.
CREATE TABLE namespaces (
    name    TEXT PRIMARY KEY,
    born    INTEGER NOT NULL, -- the first version
    version INTEGER NOT NULL  -- the newest version
) STRICT, WITHOUT ROWID;

CREATE TABLE records (
    namespace TEXT NOT NULL,
    key       TEXT NOT NULL,
    value     BLOB NOT NULL,
    version   INTEGER NOT NULL,
    expires   INTEGER, -- null: never
    PRIMARY KEY (namespace, key)
) STRICT;

CREATE INDEX records_expires ON records (namespace, expires) WHERE expires IS NOT NULL;

-- +goose Down
DROP TABLE records;
DROP TABLE namespaces;
