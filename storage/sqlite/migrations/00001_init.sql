-- +goose Up
-- Times are microseconds since the Unix epoch.

CREATE TABLE channels (
    id      TEXT PRIMARY KEY,
    title   TEXT NOT NULL,
    access  TEXT NOT NULL,
    created INTEGER NOT NULL,
    ended   INTEGER,          -- null while the channel goes on
    head    INTEGER NOT NULL, -- the newest revision; of a deleted channel that of its deletion
    changed INTEGER NOT NULL, -- revision at which title, access or ended last changed
    born    INTEGER NOT NULL, -- revision at which the present life began
    deleted INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE posts (
    channel        TEXT NOT NULL REFERENCES channels (id),
    id             TEXT NOT NULL,
    message_id     TEXT NOT NULL,
    source_version INTEGER NOT NULL,
    source         TEXT NOT NULL,
    author         TEXT NOT NULL,
    created        INTEGER NOT NULL,
    modified       INTEGER NOT NULL,
    show           INTEGER NOT NULL,
    pinned         INTEGER NOT NULL,
    key_event      INTEGER NOT NULL,
    content        TEXT NOT NULL, -- JSON
    revision       INTEGER NOT NULL,
    PRIMARY KEY (channel, id)
) STRICT;

CREATE INDEX posts_order ON posts (channel, created, id);
CREATE INDEX posts_pinned ON posts (channel, created, id) WHERE pinned = 1;
CREATE INDEX posts_revision ON posts (channel, revision);
CREATE UNIQUE INDEX posts_message ON posts (channel, message_id) WHERE message_id <> '';

-- What is left of a post that was removed, for as long as its channel lives.
CREATE TABLE tombstones (
    channel    TEXT NOT NULL REFERENCES channels (id),
    id         TEXT NOT NULL,
    message_id TEXT NOT NULL,
    revision   INTEGER NOT NULL,
    PRIMARY KEY (channel, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX tombstones_revision ON tombstones (channel, revision);
CREATE UNIQUE INDEX tombstones_message ON tombstones (channel, message_id) WHERE message_id <> '';

-- The revisions that are remembered of a channel's present, or last, life.
CREATE TABLE log (
    channel  TEXT NOT NULL REFERENCES channels (id),
    revision INTEGER NOT NULL,
    PRIMARY KEY (channel, revision)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE log;
DROP TABLE tombstones;
DROP TABLE posts;
DROP TABLE channels;
