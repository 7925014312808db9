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

-- With these functions a write is one round trip and holds the channel's lock for a short time. The transaction must be
-- READ COMMITTED: what is read after the wait for the lock must be what its last holder committed. clock is the time of a
-- node that has a clock of its own, as in tests; null means the database's.

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

-- made is false if the channel was there already.
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

-- Replaces the title, access and end of the channel that last changed at replaces. outcome: 0 replaced, 1 nothing
-- changes, 2 it has changed since. No row: there is no such channel.
-- +goose StatementBegin
CREATE FUNCTION motacilla_replace_channel(
    ch text, new_title text, new_access text, new_ended bigint, replaces bigint, clock bigint
) RETURNS TABLE (
    outcome int, id text, title text, access text, created bigint, ended bigint, head bigint, changed bigint,
    born bigint, deleted boolean
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    c motacilla_channels;
    rev bigint;
    issued bigint;
BEGIN
    SELECT * INTO c FROM motacilla_channels o WHERE o.id = ch AND NOT o.deleted FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF c.changed <> replaces THEN
        outcome := 2;
    ELSIF (c.title, c.access) = (new_title, new_access) AND c.ended IS NOT DISTINCT FROM new_ended THEN
        outcome := 1;
    ELSE
        outcome := 0;
        issued := coalesce(clock, motacilla_now());
        rev := greatest(c.head + 1, issued);
        UPDATE motacilla_channels o SET title = new_title, access = new_access, ended = new_ended, changed = rev
            WHERE o.id = ch;
        PERFORM motacilla_record(ch, rev, issued);
        SELECT * INTO c FROM motacilla_channels o WHERE o.id = ch;
    END IF;
    RETURN QUERY SELECT outcome, c.id, c.title, c.access, c.created, c.ended, c.head, c.changed, c.born, c.deleted;
END
$$;
-- +goose StatementEnd

-- Returns the revision of the deletion, null if there is no such channel.
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
-- such channel. If new_id is empty, the ID is made of the revision's time and tail.
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

-- Replaces the post of revision replaces; at is null if its time stays. outcome: 0 replaced, of which all but the content
-- is told; 3 nothing changes; 4 it is of another revision. No row: there is no such post.
-- +goose StatementBegin
CREATE FUNCTION motacilla_replace_post(
    ch text, post text, version bigint, new_author text, at bigint, new_show boolean, new_pinned boolean,
    new_key boolean, new_content text, replaces bigint, clock bigint
) RETURNS TABLE (
    outcome int, id text, message_id text, source_version bigint, source text, author text, created bigint,
    modified bigint, show boolean, pinned boolean, key_event boolean, content text, revision bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    p motacilla_posts;
    rev bigint;
    issued bigint;
BEGIN
    SELECT c.head INTO rev FROM motacilla_channels c WHERE c.id = ch AND NOT c.deleted FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT * INTO p FROM motacilla_posts o WHERE o.channel = ch AND o.id = post;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    at := coalesce(at, p.created);
    IF p.revision <> replaces THEN
        outcome := 4;
    ELSIF (p.author, p.content, p.source_version, p.created, p.show, p.pinned, p.key_event) =
        (new_author, new_content, version, at, new_show, new_pinned, new_key) THEN
        outcome := 3;
    ELSE
        outcome := 0;
        issued := coalesce(clock, motacilla_now());
        rev := greatest(rev + 1, issued);
        IF (p.author, p.content) <> (new_author, new_content) THEN
            p.modified := rev;
        ELSIF p.modified = p.created THEN
            p.modified := at;
        END IF;
        UPDATE motacilla_posts o SET source_version = version, author = new_author, created = at, modified = p.modified,
            show = new_show, pinned = new_pinned, key_event = new_key, content = new_content, revision = rev
            WHERE o.channel = ch AND o.id = post;
        PERFORM motacilla_record(ch, rev, issued);
        RETURN QUERY SELECT outcome, p.id, p.message_id, version, p.source, new_author, at, p.modified, new_show,
            new_pinned, new_key, NULL::text, rev;
        RETURN;
    END IF;
    RETURN QUERY SELECT outcome, p.id, p.message_id, p.source_version, p.source, p.author, p.created, p.modified, p.show,
        p.pinned, p.key_event, p.content, p.revision;
END
$$;
-- +goose StatementEnd

-- Removes the post of revision replaces, of any if that is 0. Returns the revision of the removal, 0 if the post is of
-- another revision, null if there is no such post.
-- +goose StatementBegin
CREATE FUNCTION motacilla_delete_post(ch text, post text, replaces bigint, clock bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    rev bigint;
    issued bigint;
    p motacilla_posts;
BEGIN
    SELECT c.head INTO rev FROM motacilla_channels c WHERE c.id = ch AND NOT c.deleted FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO p FROM motacilla_posts o WHERE o.channel = ch AND o.id = post;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF replaces <> 0 AND p.revision <> replaces THEN
        RETURN 0;
    END IF;
    issued := coalesce(clock, motacilla_now());
    rev := greatest(rev + 1, issued);
    DELETE FROM motacilla_posts o WHERE o.channel = ch AND o.id = post;
    INSERT INTO motacilla_tombstones (channel, id, message_id, revision) VALUES (ch, post, p.message_id, rev);
    PERFORM motacilla_record(ch, rev, issued);
    RETURN rev;
END
$$;
-- +goose StatementEnd

-- Issues a revision that is not before at and forgets all before it. No row: there never was such a channel.
-- +goose StatementBegin
CREATE FUNCTION motacilla_barrier(ch text, at bigint, clock bigint) RETURNS TABLE (head bigint, deleted boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    SELECT greatest(c.head + 1, at, coalesce(clock, motacilla_now())), c.deleted INTO head, deleted
        FROM motacilla_channels c WHERE c.id = ch FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    UPDATE motacilla_channels c SET head = motacilla_barrier.head WHERE c.id = ch;
    DELETE FROM motacilla_log l WHERE l.channel = ch;
    INSERT INTO motacilla_log (channel, revision) VALUES (ch, motacilla_barrier.head);
    RETURN NEXT;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION motacilla_barrier, motacilla_delete_post, motacilla_replace_post, motacilla_create_post,
    motacilla_delete_channel, motacilla_replace_channel, motacilla_create_channel, motacilla_record, motacilla_forget, motacilla_now;
DROP TABLE motacilla_log, motacilla_tombstones, motacilla_posts, motacilla_channels;
