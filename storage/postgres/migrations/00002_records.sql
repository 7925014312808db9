-- +goose Up
-- Times are microseconds since the Unix epoch. Keys are bytes, so that they have one order whatever the collation is:
-- convert_from(key, 'UTF8') shows them.

-- A namespace outlives its records, so that no version is issued twice. Its row is the lock of all writes to it.
CREATE TABLE motacilla_namespaces (
    name    text COLLATE "C" PRIMARY KEY,
    born    bigint NOT NULL, -- the first version
    version bigint NOT NULL  -- the newest version
) WITH (fillfactor = 50);

CREATE TABLE motacilla_records (
    namespace text COLLATE "C" NOT NULL,
    key       bytea NOT NULL,
    value     bytea NOT NULL,
    version   bigint NOT NULL,
    expires   bigint, -- null: never
    PRIMARY KEY (namespace, key)
);

CREATE INDEX motacilla_records_expires ON motacilla_records (namespace, expires) WHERE expires IS NOT NULL;

-- The functions are for transactions that are READ COMMITTED, as those of posts are.

-- Issues a version of a namespace, whose lock the caller holds from here on, and removes up to 16 records that have
-- expired. last is the newest version, 0 if there is none yet.
-- +goose StatementBegin
CREATE FUNCTION motacilla_issue_version(ns text, last bigint, at bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    issued bigint := greatest(last + 1, at);
BEGIN
    UPDATE motacilla_namespaces SET version = issued, born = CASE born WHEN 0 THEN issued ELSE born END WHERE name = ns;
    DELETE FROM motacilla_records r WHERE r.namespace = ns AND r.key IN (
        SELECT o.key FROM motacilla_records o WHERE o.namespace = ns AND o.expires <= at ORDER BY o.expires LIMIT 16);
    RETURN issued;
END
$$;
-- +goose StatementEnd

-- Returns the new version, null if the record has another version than replaces; 0 means that there must be no record.
-- lives, if it is not null, is how long the record lives from now on.
-- +goose StatementBegin
CREATE FUNCTION motacilla_put_record(
    ns text, k bytea, new_value bytea, replaces bigint, ends bigint, lives bigint, clock bigint
) RETURNS TABLE (issued bigint, until bigint) LANGUAGE plpgsql AS $$
DECLARE
    last bigint;
    there bigint;
    at bigint;
BEGIN
    SELECT n.version INTO last FROM motacilla_namespaces n WHERE n.name = ns FOR UPDATE;
    IF NOT FOUND AND replaces = 0 THEN
        INSERT INTO motacilla_namespaces (name, born, version) VALUES (ns, 0, 0) ON CONFLICT DO NOTHING;
        SELECT n.version INTO last FROM motacilla_namespaces n WHERE n.name = ns FOR UPDATE;
    END IF;
    at := coalesce(clock, motacilla_now());
    SELECT r.version INTO there FROM motacilla_records r
        WHERE r.namespace = ns AND r.key = k AND (r.expires IS NULL OR r.expires > at);
    IF last IS NOT NULL AND coalesce(there, 0) = replaces THEN
        issued := motacilla_issue_version(ns, last, at);
        until := coalesce(at + lives, ends);
        INSERT INTO motacilla_records AS r (namespace, key, value, version, expires)
            VALUES (ns, k, new_value, issued, until)
            ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value, version = excluded.version,
                expires = excluded.expires;
    END IF;
    RETURN NEXT;
END
$$;
-- +goose StatementEnd

-- Returns the version that the record had, null if there was none. It is removed if that is the version asked for.
-- +goose StatementBegin
CREATE FUNCTION motacilla_delete_record(ns text, k bytea, removes bigint, clock bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    last bigint;
    there bigint;
    at bigint;
BEGIN
    SELECT n.version INTO last FROM motacilla_namespaces n WHERE n.name = ns FOR UPDATE;
    at := coalesce(clock, motacilla_now());
    SELECT r.version INTO there FROM motacilla_records r
        WHERE r.namespace = ns AND r.key = k AND (r.expires IS NULL OR r.expires > at);
    IF there = removes THEN
        PERFORM motacilla_issue_version(ns, last, at);
        DELETE FROM motacilla_records r WHERE r.namespace = ns AND r.key = k;
    END IF;
    RETURN there;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION motacilla_delete_record, motacilla_put_record, motacilla_issue_version;
DROP TABLE motacilla_records, motacilla_namespaces;
