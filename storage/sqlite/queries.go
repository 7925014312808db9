package sqlite

const (
	postColumns = `id, message_id, source_version, source, author, created, modified, show, pinned, key_event, ` +
		`content, revision`
	channelColumns = `id, title, access, created, ended, head, changed, born, deleted`

	qPing        = `SELECT count(*) FROM (SELECT 1 FROM channels LIMIT 1)`
	qChannel     = `SELECT ` + channelColumns + ` FROM channels WHERE id = ?`
	qChannels    = `SELECT ` + channelColumns + ` FROM channels WHERE id > ? AND deleted = 0 ORDER BY id LIMIT ?`
	qHeads       = `SELECT id, head, deleted FROM channels`
	qHead        = `SELECT head FROM channels WHERE id = ?`
	qLiveHead    = `SELECT head FROM channels WHERE id = ? AND deleted = 0`
	qPost        = `SELECT ` + postColumns + ` FROM posts WHERE channel = ? AND id = ?`
	qMessage     = `SELECT ` + postColumns + ` FROM posts WHERE channel = ? AND message_id = ? AND message_id <> ''`
	qTomb        = `SELECT 1 FROM tombstones WHERE channel = ? AND id = ?`
	qTombMessage = `SELECT 1 FROM tombstones WHERE channel = ? AND message_id = ? AND message_id <> ''`
	qPosts       = `SELECT ` + postColumns + ` FROM posts WHERE channel = ? AND (created, id) < (?, ?) AND show >= ?` +
		` ORDER BY created DESC, id DESC LIMIT ?`
	qPinned = `SELECT ` + postColumns + ` FROM posts WHERE channel = ? AND (created, id) < (?, ?) AND show >= ?` +
		` AND pinned = 1 ORDER BY created DESC, id DESC LIMIT ?`
	qChanged = `SELECT ` + postColumns + ` FROM posts WHERE channel = ? AND revision > ? ORDER BY revision LIMIT ?`
	qRemoved = `SELECT id, revision FROM tombstones WHERE channel = ? AND revision > ? ORDER BY revision LIMIT ?`
	qIssued  = `SELECT revision FROM log WHERE channel = ? AND revision > ? ORDER BY revision DESC LIMIT ?`
	qKnown   = `SELECT count(*) FROM log WHERE channel = ? AND revision = ?`
	qFloor   = `SELECT coalesce(min(revision), 0) FROM log WHERE channel = ?`

	qRecords = `SELECT ` + channelColumns + ` FROM channels WHERE id > ? ORDER BY id LIMIT ?`
	qLogged  = `SELECT revision FROM log WHERE channel = ? AND revision > ? ORDER BY revision LIMIT ?`
	qBuried  = `SELECT id, message_id, revision FROM tombstones WHERE channel = ? AND revision > ? ORDER BY revision LIMIT ?`

	qPutChannel = `INSERT OR REPLACE INTO channels (` + channelColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)`
	qSetChannel = `UPDATE channels SET title = ?, access = ?, ended = ?, head = ?, changed = ? WHERE id = ?`
	qEndChannel = `UPDATE channels SET title = '', ended = NULL, head = ?, deleted = 1 WHERE id = ?`
	qSetHead    = `UPDATE channels SET head = ? WHERE id = ?`
	qPutPost    = `INSERT INTO posts (channel, ` + postColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	qSetPost    = `UPDATE posts SET source_version = ?, author = ?, created = ?, modified = ?, show = ?, pinned = ?,` +
		` key_event = ?, content = ?, revision = ? WHERE channel = ? AND id = ?`
	qDropPost  = `DELETE FROM posts WHERE channel = ? AND id = ?`
	qDropPosts = `DELETE FROM posts WHERE channel = ?`
	qBury      = `INSERT INTO tombstones (channel, id, message_id, revision) VALUES (?, ?, ?, ?)`
	qDropTombs = `DELETE FROM tombstones WHERE channel = ?`
	qLog       = `INSERT INTO log (channel, revision) VALUES (?, ?)`
	qDropLog   = `DELETE FROM log WHERE channel = ?`
	qForget    = `DELETE FROM log WHERE channel = ?1 AND revision < ?2 AND revision <` +
		` (SELECT revision FROM log WHERE channel = ?1 ORDER BY revision DESC LIMIT 1 OFFSET ?3)`
	qTakeChannel = `UPDATE channels SET title = ?, access = ?, created = ?, ended = ?, head = ?, changed = ?,` +
		` born = ?, deleted = ? WHERE id = ?`
	qNewChannel = `INSERT INTO channels (` + channelColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	qTakePost   = `INSERT OR REPLACE INTO posts (channel, ` + postColumns + `)` +
		` VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	qTakeTomb  = `INSERT OR REPLACE INTO tombstones (channel, id, message_id, revision) VALUES (?, ?, ?, ?)`
	qTakeLog   = `INSERT OR IGNORE INTO log (channel, revision) VALUES (?, ?)`
	qUnbury    = `DELETE FROM tombstones WHERE channel = ? AND id = ?`
	qLogBefore = `DELETE FROM log WHERE channel = ? AND revision < ?`
	qVersion   = `PRAGMA data_version`

	qTakeLock = `UPDATE channels SET head = head WHERE 0` // in a transaction of the app

	qSave    = `SAVEPOINT one`
	qUndo    = `ROLLBACK TO one`
	qRelease = `RELEASE one`
)

var (
	readQueries = []string{
		qPing, qChannel, qChannels, qHeads, qHead, qLiveHead, qPost, qMessage, qTomb, qTombMessage, qPosts, qPinned,
		qChanged, qRemoved, qIssued, qKnown, qFloor, qRecords, qLogged, qBuried,
	}
	writeQueries = []string{
		qPutChannel, qSetChannel, qEndChannel, qSetHead, qPutPost, qSetPost, qDropPost, qDropPosts, qBury, qDropTombs,
		qLog, qDropLog, qForget, qVersion, qTakeChannel, qNewChannel, qTakePost, qTakeTomb, qTakeLog, qUnbury, qLogBefore,
		qSave, qUndo, qRelease,
	}
)
