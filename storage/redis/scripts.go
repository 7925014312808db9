package redis

import (
	"context"
	"crypto/sha1" //nolint:gosec // it is how Redis names scripts
	"embed"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

//go:embed scripts/*.lua
var files embed.FS

// script is one Lua script. It runs completely, or not at all if the server refuses it (full, read-only, ...).
type script struct {
	text   string
	sha    string
	writes bool
}

// scripts are all that the store runs. Their first lines say what each takes and returns.
type scripts struct {
	allowed, channelRecord, changeRecords, changes, message, posts *script
	createChannel, replaceChannel, deleteChannel                   *script
	createPost, replacePost, deletePost                            *script
	forget, imports, barrier                                       *script
}

var lua = func() scripts {
	made := func(name string, writes bool) *script {
		if writes {
			return newScript(true, "numbers", "lib", "write", name)
		}
		return newScript(false, "numbers", "lib", name)
	}
	return scripts{
		allowed: made("allowed", false), channelRecord: made("channel_record", false),
		changeRecords: made("change_records", false), changes: made("changes", false), message: made("message", false),
		posts: made("posts", false), createChannel: made("create_channel", true),
		replaceChannel: made("replace_channel", true), deleteChannel: made("delete_channel", true),
		createPost: made("create_post", true), replacePost: made("replace_post", true),
		deletePost: made("delete_post", true), forget: made("forget", true), imports: made("import", true),
		barrier: made("barrier", true),
	}
}()

// promised is the number of revisions that a channel's log keeps, and how old those must be that are forgotten: in units of
// 1000 seconds and the rest in microseconds, as numbers.lua adds them.
var promised = func() string {
	const period = storage.RememberHours * int64(time.Hour/time.Microsecond)
	return fmt.Sprintf("local remember, long, rest = %d, %d, %d\n", storage.Remember, period/1e9, period%1e9)
}()

// newScript returns the script that these files make together.
func newScript(writes bool, names ...string) *script {
	text := "#!lua flags=no-writes\n"
	if writes {
		text = "#!lua\n"
	}
	for _, name := range names {
		data, err := files.ReadFile("scripts/" + name + ".lua")
		if err != nil {
			panic(err) // it was embedded at compile time
		}
		if name == "write" {
			text += promised
		}
		text += string(data)
	}
	sum := sha1.Sum([]byte(text)) //nolint:gosec // it is how Redis names scripts
	return &script{text, hex.EncodeToString(sum[:]), writes}
}

// run runs a script on a channel.
func (s *Store) run(ctx context.Context, sc *script, ch motacilla.ChannelID, args ...any) (reply, error) {
	return s.server.run(ctx, sc, s.keys.channel(ch), args...)
}

// write runs a script that writes; args are those after what write.lua takes.
func (s *Store) write(ctx context.Context, sc *script, ch motacilla.ChannelID, args ...any) (reply, error) {
	return s.run(ctx, sc, ch, append([]any{s.now(), s.topic, string(ch), s.pruning()}, args...)...)
}

// reply is the answer of a script. What is missing or of another type is empty.
type reply []any

func (r reply) text(i int) string {
	if i >= len(r) {
		return ""
	}
	text, _ := r[i].(string)
	return text
}

func (r reply) number(i int) int64 {
	if i >= len(r) {
		return 0
	}
	n, _ := r[i].(int64)
	return n
}

func (r reply) list(i int) reply {
	if i >= len(r) {
		return nil
	}
	list, _ := r[i].([]any)
	return list
}
