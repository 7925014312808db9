package redis

import (
	"context"
	"crypto/sha1" //nolint:gosec // it is how Redis names scripts
	"embed"
	"encoding/hex"
	"strconv"

	"github.com/motacilla-live/motacilla"
	goredis "github.com/redis/go-redis/v9"
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
		text += string(data)
	}
	sum := sha1.Sum([]byte(text)) //nolint:gosec // it is how Redis names scripts
	return &script{text, hex.EncodeToString(sum[:]), writes}
}

// keysOf returns the keys of a channel, all in its hash slot, in the order in which lib.lua takes them.
func (s *Store) keysOf(ch motacilla.ChannelID) []string {
	stem := s.prefix + "{" + string(ch) + "}:"
	return []string{
		stem + "channel", stem + "posts", stem + "order", stem + "pinned", stem + "state", stem + "messages",
		stem + "tombstones", stem + "log",
	}
}

// channelKey is the first of keysOf.
func (s *Store) channelKey(ch motacilla.ChannelID) string {
	return s.prefix + "{" + string(ch) + "}:channel"
}

func (s *Store) postsKey(ch motacilla.ChannelID) string {
	return s.prefix + "{" + string(ch) + "}:posts"
}

// index is the key of the list of all channels, deleted ones too.
func (s *Store) index() string { return s.prefix + "channels" }

// run runs a script on a channel.
func (s *Store) run(ctx context.Context, sc *script, ch motacilla.ChannelID, args ...any) (reply, error) {
	return s.runOn(ctx, sc, s.keysOf(ch), args...)
}

// runOn runs a script on keys of one hash slot. A script that writes is sent once: if the answer is lost, nobody knows
// whether it ran.
func (s *Store) runOn(ctx context.Context, sc *script, keys []string, args ...any) (reply, error) {
	eval := func(ctx context.Context, c goredis.UniversalClient) (any, error) {
		answer, err := s.eval(ctx, c, sc, "evalsha", sc.sha, keys, args)
		if goredis.HasErrorPrefix(err, "NOSCRIPT") { // it did not run: the server was restarted, or its scripts flushed
			answer, err = s.eval(ctx, c, sc, "eval", sc.text, keys, args)
		}
		return answer, err
	}
	var answer any
	var err error
	if sc.writes {
		answer, err = await(ctx, s, func(ctx context.Context) (any, error) { return eval(ctx, s.link.Load().writes) })
	} else {
		answer, err = read(ctx, s, eval)
	}
	list, _ := answer.([]any)
	return list, err
}

func (s *Store) eval(
	ctx context.Context, c goredis.UniversalClient, sc *script, name, what string, keys []string, args []any,
) (any, error) {
	all := make([]any, 0, 3+len(keys)+len(args))
	if !sc.writes {
		name += "_ro"
	}
	all = append(all, name, what, strconv.Itoa(len(keys)))
	for _, key := range keys {
		all = append(all, key)
	}
	cmd := goredis.NewCmd(ctx, append(all, args...)...)
	if sc.writes {
		_ = c.Process(ctx, once{cmd})
	} else {
		_ = c.Process(ctx, cmd)
	}
	return cmd.Result()
}

// write runs a script that writes; args are those after what write.lua takes.
func (s *Store) write(ctx context.Context, sc *script, ch motacilla.ChannelID, args ...any) (reply, error) {
	return s.run(ctx, sc, ch, append([]any{s.now(), s.topic, string(ch), s.pruning()}, args...)...)
}

// once is a command that go-redis does not send again by itself.
type once struct{ *goredis.Cmd }

// NoRetry tells go-redis not to send the command again.
func (once) NoRetry() bool { return true }

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
