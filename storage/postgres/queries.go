package postgres

const (
	postColumns = `id, message_id, source_version, source, author, created, modified, show, pinned, key_event, ` +
		`content, revision`
	channelColumns = `id, title, access, created, ended, head, changed, born, deleted`

	qBegin    = `BEGIN`
	qSnapshot = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`
	qCommit   = `COMMIT`
	qRollback = `ROLLBACK`

	qPing     = `SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean`
	qNow      = `SELECT motacilla_now()`
	qChannel  = `SELECT ` + channelColumns + ` FROM motacilla_channels WHERE id = $1`
	qLock     = qChannel + ` FOR UPDATE`
	qChannels = `SELECT ` + channelColumns + ` FROM motacilla_channels WHERE id > $1 AND NOT deleted ORDER BY id LIMIT $2`
	qRecords  = `SELECT (SELECT coalesce(min(revision), 0) FROM motacilla_log WHERE channel = c.id), ` + channelColumns +
		` FROM motacilla_channels c WHERE id > $1 ORDER BY id LIMIT $2`
	qHeads   = `SELECT id, head, deleted FROM motacilla_channels WHERE id = ANY($1::text[])`
	qMoved   = `SELECT id, head, deleted FROM motacilla_channels WHERE head > $1`
	qPost    = `SELECT ` + postColumns + ` FROM motacilla_posts WHERE channel = $1 AND id = $2`
	qMessage = `SELECT ` + postColumns + ` FROM motacilla_posts` +
		` WHERE channel = $1 AND message_id = $2 AND message_id <> ''`
	qTomb        = `SELECT EXISTS (SELECT 1 FROM motacilla_tombstones WHERE channel = $1 AND id = $2)`
	qTombMessage = `SELECT EXISTS (SELECT 1 FROM motacilla_tombstones` +
		` WHERE channel = $1 AND message_id = $2 AND message_id <> '')`
	qPosts = `SELECT ` + postColumns + ` FROM motacilla_posts WHERE channel = $1 AND (created, id) < ($2, $3)` +
		` AND (show OR NOT $4) ORDER BY created DESC, id DESC LIMIT $5`
	qPinned = `SELECT ` + postColumns + ` FROM motacilla_posts WHERE channel = $1 AND (created, id) < ($2, $3)` +
		` AND (show OR NOT $4) AND pinned ORDER BY created DESC, id DESC LIMIT $5`
	qKnown = `SELECT EXISTS (SELECT 1 FROM motacilla_log WHERE channel = $1 AND revision = $2)`
	qFloor = `SELECT coalesce(min(revision), 0) FROM motacilla_log WHERE channel = $1`

	// Nothing is known of what was forgotten, so since is at least the revision before the floor.
	since = ` revision > greatest($2, (SELECT coalesce(min(revision), 0) - 1 FROM motacilla_log WHERE channel = $1))`

	qChanged = `SELECT ` + postColumns + ` FROM motacilla_posts WHERE channel = $1 AND` + since +
		` ORDER BY revision LIMIT $3`
	qRemoved = `SELECT id, revision FROM motacilla_tombstones WHERE channel = $1 AND` + since +
		` ORDER BY revision LIMIT $3`
	qIssued = `SELECT revision FROM motacilla_log WHERE channel = $1 AND revision > $2` +
		` AND EXISTS (SELECT 1 FROM motacilla_channels WHERE id = $1 AND NOT deleted)` +
		` ORDER BY revision DESC LIMIT $3`

	qCreateChannel = `SELECT made, ` + channelColumns + ` FROM motacilla_create_channel($1, $2, $3, $4, $5)`
	qDeleteChannel = `SELECT motacilla_delete_channel($1, $2)`
	qCreatePost    = `SELECT outcome, ` + postColumns +
		` FROM motacilla_create_post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	qReplaceChannel = `SELECT outcome, ` + channelColumns + ` FROM motacilla_replace_channel($1, $2, $3, $4, $5, $6)`
	qReplacePost    = `SELECT outcome, ` + postColumns +
		` FROM motacilla_replace_post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
	qDeletePost = `SELECT motacilla_delete_post($1, $2, $3, $4)`
	qBarrier    = `SELECT head, deleted FROM motacilla_barrier($1, $2, $3)`

	qLogAfter = `SELECT revision FROM motacilla_log WHERE channel = $1 AND revision > $2 ORDER BY revision LIMIT $3`
	qPostsBy  = `SELECT ` + postColumns + ` FROM motacilla_posts WHERE channel = $1 AND revision > $2` +
		` ORDER BY revision LIMIT $3`
	qTombsBy = `SELECT id, message_id, revision FROM motacilla_tombstones WHERE channel = $1 AND revision > $2` +
		` ORDER BY revision LIMIT $3`
	qAddChannel = `INSERT INTO motacilla_channels (` + channelColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)` +
		` ON CONFLICT DO NOTHING`
	qPutChannel = `UPDATE motacilla_channels SET title = $2, access = $3, created = $4, ended = $5, head = $6,` +
		` changed = $7, born = $8, deleted = $9 WHERE id = $1`
	qDropPosts = `DELETE FROM motacilla_posts WHERE channel = $1`
	qDropTombs = `DELETE FROM motacilla_tombstones WHERE channel = $1`
	qDropLog   = `DELETE FROM motacilla_log WHERE channel = $1`
	qLogBefore = `DELETE FROM motacilla_log WHERE channel = $1 AND revision < $2`
	qLog       = `INSERT INTO motacilla_log (channel, revision) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	qPutPost   = `INSERT INTO motacilla_posts (channel, ` + postColumns + `)` +
		` VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (channel, id) DO UPDATE SET` +
		` message_id = excluded.message_id, source_version = excluded.source_version, source = excluded.source,` +
		` author = excluded.author, created = excluded.created, modified = excluded.modified, show = excluded.show,` +
		` pinned = excluded.pinned, key_event = excluded.key_event, content = excluded.content,` +
		` revision = excluded.revision`
	qDropPost = `DELETE FROM motacilla_posts WHERE channel = $1 AND id = $2`
	qDropTomb = `DELETE FROM motacilla_tombstones WHERE channel = $1 AND id = $2`
	qBury     = `INSERT INTO motacilla_tombstones (channel, id, message_id, revision) VALUES ($1, $2, $3, $4)` +
		` ON CONFLICT (channel, id) DO UPDATE SET message_id = excluded.message_id, revision = excluded.revision`

	qNotify = `SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload`
)
