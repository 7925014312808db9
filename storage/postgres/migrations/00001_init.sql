-- +goose Up
-- Times are microseconds since the Unix epoch. IDs are compared by their bytes, whatever the database's collation is.
-- There are no foreign keys: every writer holds the lock of the channel's row, and checking would cost a lock more.

CREATE TABLE motacilla_channels (
    id      text COLLATE "C" PRIMARY KEY,
    title   text NOT NULL,
    access  text NOT NULL,
    created bigint NOT NULL,
    ended   bigint,          -- null while the channel goes on
    head    bigint NOT NULL, -- the newest revision; of a deleted channel that of its deletion
    changed bigint NOT NULL, -- revision at which title, access or ended last changed
    born    bigint NOT NULL, -- revision at which the present life began
    deleted boolean NOT NULL DEFAULT false
) WITH (fillfactor = 50); -- every write updates head, within the page where there is room (HOT)

CREATE TABLE motacilla_posts (
    channel        text COLLATE "C" NOT NULL,
    id             text COLLATE "C" NOT NULL,
    message_id     text COLLATE "C" NOT NULL,
    source_version bigint NOT NULL,
    source         text NOT NULL,
    author         text NOT NULL,
    created        bigint NOT NULL,
    modified       bigint NOT NULL,
    show           boolean NOT NULL,
    pinned         boolean NOT NULL,
    key_event      boolean NOT NULL,
    content        text NOT NULL, -- JSON
    revision       bigint NOT NULL,
    PRIMARY KEY (channel, id)
);

CREATE INDEX motacilla_posts_order ON motacilla_posts (channel, created, id);
CREATE INDEX motacilla_posts_pinned ON motacilla_posts (channel, created, id) WHERE pinned;
CREATE INDEX motacilla_posts_revision ON motacilla_posts (channel, revision);
CREATE UNIQUE INDEX motacilla_posts_message ON motacilla_posts (channel, message_id) WHERE message_id <> '';

-- What is left of a post that was removed, for as long as its channel lives.
CREATE TABLE motacilla_tombstones (
    channel    text COLLATE "C" NOT NULL,
    id         text COLLATE "C" NOT NULL,
    message_id text COLLATE "C" NOT NULL,
    revision   bigint NOT NULL,
    PRIMARY KEY (channel, id)
);

CREATE INDEX motacilla_tombstones_revision ON motacilla_tombstones (channel, revision);
CREATE UNIQUE INDEX motacilla_tombstones_message ON motacilla_tombstones (channel, message_id) WHERE message_id <> '';

-- The revisions that are remembered of a channel's present, or last, life.
CREATE TABLE motacilla_log (
    channel  text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    PRIMARY KEY (channel, revision)
);

-- The functions make a write one round trip, and one short hold of the channel's lock. They are for transactions that
-- are READ COMMITTED: what is read after the lock was waited for must be what its last holder committed. clock is the
-- time of nodes that have one of their own, which are those of tests; null is the database's.

-- +goose StatementBegin
CREATE FUNCTION motacilla_now() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT round(extract(epoch FROM clock_timestamp()) * 1000000)::bigint
$$;
-- +goose StatementEnd

-- Prunes the log of a channel to what is promised: the newest 10,000, and all of the last 24 hours.
-- +goose StatementBegin
CREATE FUNCTION motacilla_forget(ch text, at bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    day bigint := at - 86400000000;
BEGIN
    IF EXISTS (SELECT 1 FROM motacilla_log l WHERE l.channel = ch AND l.revision < day) THEN
        DELETE FROM motacilla_log l WHERE l.channel = ch AND l.revision < day AND l.revision <
            (SELECT n.revision FROM motacilla_log n WHERE n.channel = ch ORDER BY n.revision DESC LIMIT 1 OFFSET 9999);
    END IF;
END
$$;
-- +goose StatementEnd

-- Makes rev the head of a channel whose lock is held; one write in 64, on average, prunes the log.
-- +goose StatementBegin
CREATE FUNCTION motacilla_record(ch text, rev bigint, at bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE motacilla_channels SET head = rev WHERE id = ch;
    INSERT INTO motacilla_log (channel, revision) VALUES (ch, rev);
    IF random() < 1.0 / 64 THEN
        PERFORM motacilla_forget(ch, at);
    END IF;
END
$$;
-- +goose StatementEnd

-- made is false where the channel was there already.
-- +goose StatementBegin
CREATE FUNCTION motacilla_create_channel(ch text, new_title text, new_access text, new_ended bigint, clock bigint)
RETURNS TABLE (
    made boolean, id text, title text, access text, created bigint, ended bigint, head bigint, changed bigint,
    born bigint, deleted boolean
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    c motacilla_channels;
    rev bigint;
BEGIN
    LOOP
        made := true;
        SELECT * INTO c FROM motacilla_channels o WHERE o.id = ch FOR UPDATE;
        IF FOUND AND NOT c.deleted THEN
            made := false;
        ELSIF FOUND THEN
            rev := greatest(c.head + 1, coalesce(clock, motacilla_now()));
            DELETE FROM motacilla_log l WHERE l.channel = ch;
            UPDATE motacilla_channels o SET title = new_title, access = new_access, created = rev, ended = new_ended,
                head = rev, changed = rev, born = rev, deleted = false WHERE o.id = ch RETURNING * INTO c;
        ELSE
            rev := coalesce(clock, motacilla_now());
            INSERT INTO motacilla_channels AS o VALUES (ch, new_title, new_access, rev, new_ended, rev, rev, rev)
                ON CONFLICT DO NOTHING RETURNING * INTO c;
            CONTINUE WHEN NOT FOUND; -- another made it meanwhile
        END IF;
        IF made THEN
            INSERT INTO motacilla_log (channel, revision) VALUES (ch, rev);
        END IF;
        RETURN QUERY SELECT made, c.id, c.title, c.access, c.created, c.ended, c.head, c.changed, c.born, c.deleted;
        RETURN;
    END LOOP;
END
$$;
-- +goose StatementEnd

-- Returns the revision of the deletion, null where there is no such channel.
-- +goose StatementBegin
CREATE FUNCTION motacilla_delete_channel(ch text, clock bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    rev bigint;
    at bigint;
BEGIN
    SELECT c.head INTO rev FROM motacilla_channels c WHERE c.id = ch AND NOT c.deleted FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    at := coalesce(clock, motacilla_now());
    rev := greatest(rev + 1, at);
    INSERT INTO motacilla_log (channel, revision) VALUES (ch, rev);
    PERFORM motacilla_forget(ch, at); -- no later write will
    DELETE FROM motacilla_posts p WHERE p.channel = ch;
    DELETE FROM motacilla_tombstones t WHERE t.channel = ch;
    UPDATE motacilla_channels SET title = '', ended = NULL, head = rev, deleted = true WHERE id = ch;
    RETURN rev;
END
$$;
-- +goose StatementEnd

-- outcome: 0 made, of which only id and revision are told; 1 the post is there; 2 it was removed. No row: there is no
-- such channel. new_id is that of the caller; without one it is made of the revision's time and tail.
-- +goose StatementBegin
CREATE FUNCTION motacilla_create_post(
    ch text, new_id text, tail text, message text, version bigint, new_source text, new_author text, at bigint,
    new_show boolean, new_pinned boolean, new_key boolean, new_content text, clock bigint
) RETURNS TABLE (
    outcome int, id text, message_id text, source_version bigint, source text, author text, created bigint,
    modified bigint, show boolean, pinned boolean, key_event boolean, content text, revision bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    rev bigint;
    issued bigint;
    hex text;
BEGIN
    SELECT c.head INTO rev FROM motacilla_channels c WHERE c.id = ch AND NOT c.deleted FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF message <> '' THEN
        RETURN QUERY SELECT 1, p.id, p.message_id, p.source_version, p.source, p.author, p.created, p.modified, p.show,
            p.pinned, p.key_event, p.content, p.revision FROM motacilla_posts p
            WHERE p.channel = ch AND p.message_id = message AND p.message_id <> '';
        IF FOUND THEN
            RETURN;
        END IF;
        IF EXISTS (SELECT 1 FROM motacilla_tombstones t
            WHERE t.channel = ch AND t.message_id = message AND t.message_id <> '') THEN
            outcome := 2;
            RETURN NEXT;
            RETURN;
        END IF;
    END IF;
    IF new_id <> '' THEN
        RETURN QUERY SELECT 1, p.id, p.message_id, p.source_version, p.source, p.author, p.created, p.modified, p.show,
            p.pinned, p.key_event, p.content, p.revision FROM motacilla_posts p
            WHERE p.channel = ch AND p.id = new_id;
        IF FOUND THEN
            RETURN;
        END IF;
        IF EXISTS (SELECT 1 FROM motacilla_tombstones t WHERE t.channel = ch AND t.id = new_id) THEN
            outcome := 2;
            RETURN NEXT;
            RETURN;
        END IF;
    END IF;
    issued := coalesce(clock, motacilla_now());
    rev := greatest(rev + 1, issued);
    IF new_id = '' THEN
        hex := lpad(to_hex(rev / 1000), 12, '0');
        new_id := substr(hex, 1, 8) || '-' || substr(hex, 9, 4) || tail;
    END IF;
    at := coalesce(at, rev);
    INSERT INTO motacilla_posts (channel, id, message_id, source_version, source, author, created, modified, show,
        pinned, key_event, content, revision)
        VALUES (ch, new_id, message, version, new_source, new_author, at, at, new_show, new_pinned, new_key,
        new_content, rev);
    PERFORM motacilla_record(ch, rev, issued);
    outcome := 0;
    id := new_id;
    revision := rev;
    RETURN NEXT;
END
$$;
-- +goose StatementEnd

-- Returns the revision of the removal, null where there is no such post.
-- +goose StatementBegin
CREATE FUNCTION motacilla_delete_post(ch text, post text, clock bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    rev bigint;
    issued bigint;
    message text;
BEGIN
    SELECT c.head INTO rev FROM motacilla_channels c WHERE c.id = ch AND NOT c.deleted FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    DELETE FROM motacilla_posts p WHERE p.channel = ch AND p.id = post RETURNING p.message_id INTO message;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    issued := coalesce(clock, motacilla_now());
    rev := greatest(rev + 1, issued);
    INSERT INTO motacilla_tombstones (channel, id, message_id, revision) VALUES (ch, post, message, rev);
    PERFORM motacilla_record(ch, rev, issued);
    RETURN rev;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION motacilla_delete_post, motacilla_create_post, motacilla_delete_channel, motacilla_create_channel,
    motacilla_record, motacilla_forget, motacilla_now;
DROP TABLE motacilla_log, motacilla_tombstones, motacilla_posts, motacilla_channels;
