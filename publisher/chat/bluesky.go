package chat

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/work"
)

const blueskyName = "bluesky-out"

// BlueskyOptions are the settings of an account on Bluesky.
type BlueskyOptions struct {
	Options
	Server    string   `key:"server" doc:"the account's server"`
	Handle    string   `key:"handle" required:"true" doc:"the account, such as newsroom.bsky.social"`
	Password  string   `key:"password" required:"true" secret:"true" doc:"an app password of the account"`
	Languages []string `key:"languages" doc:"of the posts, such as en"`
}

func blueskyConfiguration() *BlueskyOptions {
	return &BlueskyOptions{Options: configuration(blueskyName, 300), Server: "https://bsky.social"}
}

// NewBluesky returns the publisher to an account on Bluesky. The error is a motacilla.ErrInvalid that names the option.
func NewBluesky(kit *relay.Kit, o *BlueskyOptions) (*Publisher, error) {
	c, d := *o, blueskyConfiguration()
	c.complete(d.Options)
	set(&c.Server, d.Server)
	if err := server("server", c.Server); err != nil {
		return nil, err
	}
	if c.Handle == "" || c.Password == "" {
		return nil, motacilla.Invalid("handle", "and password must be set")
	}
	return newPublisher(kit, blueskyName, &c.Options, func(client *outbound.Client) service { return &bluesky{client: client, o: &c} })
}

// bluesky implements service.
type bluesky struct {
	client *outbound.Client
	o      *BlueskyOptions

	mu      sync.Mutex
	session *session // nil if there is none
}

// session is what com.atproto.server.createSession answers.
type session struct {
	DID   string `json:"did"`
	Token string `json:"accessJwt"`
}

func (*bluesky) escape(text string) string { return text }

// maxBlueskyBytes is the most bytes of a post, whatever characters it has.
const maxBlueskyBytes = 3000

func (*bluesky) fits(text string, most int) bool {
	return length(text) <= most && len(text) <= maxBlueskyBytes
}

// say writes the record under a key that is made of the post's ID, so that a repetition is the same record.
func (b *bluesky) say(ctx context.Context, text, _ string, p *Post) error {
	record := map[string]any{
		"$type": "app.bsky.feed.post", "text": text, "createdAt": p.Published.UTC().Format(time.RFC3339Nano),
	}
	if f := facets(text); len(f) > 0 {
		record["facets"] = f
	}
	if len(b.o.Languages) > 0 {
		record["langs"] = b.o.Languages
	}
	for attempt := 1; ; attempt++ {
		s, fresh, err := b.signIn(ctx)
		if err != nil {
			return err
		}
		_, err = b.call(ctx, "com.atproto.repo.putRecord", s.Token, map[string]any{
			"repo": s.DID, "collection": "app.bsky.feed.post", "rkey": recordKey(p.ID), "record": record,
		})
		if !expired(err) {
			return err
		}
		b.forget(s)
		if fresh || attempt > 1 {
			return fmt.Errorf("the session that was just made is not accepted: %w", mendable(err))
		}
	}
}

func (b *bluesky) call(ctx context.Context, method, token string, body any) ([]byte, error) {
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	return call(ctx, b.client, strings.TrimSuffix(b.o.Server, "/")+"/xrpc/"+method, header, body)
}

// signIn returns the session, a fresh one if there is none.
func (b *bluesky) signIn(ctx context.Context) (s *session, fresh bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.session != nil {
		return b.session, false, nil
	}
	answer, err := b.call(ctx, "com.atproto.server.createSession", "", map[string]any{"identifier": b.o.Handle, "password": b.o.Password})
	if err != nil {
		return nil, false, fmt.Errorf("sign in: %w", mendable(err))
	}
	s = &session{}
	if err := json.Unmarshal(answer, s); err != nil || s.DID == "" || s.Token == "" {
		return nil, false, errors.New("sign in: the answer has no session")
	}
	b.session = s
	return s, true, nil
}

// mendable returns err as an error that is not permanent: the post is not what is wrong.
func mendable(err error) error {
	if work.IsPermanent(err) {
		return errors.New(err.Error())
	}
	return err
}

func (b *bluesky) forget(s *session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.session == s {
		b.session = nil
	}
}

// expired reports whether the server wants a new session.
func expired(err error) bool {
	var answer *relay.AnswerError
	if !errors.As(err, &answer) {
		return false
	}
	var problem struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(answer.Body, &problem)
	return answer.Status == http.StatusUnauthorized || problem.Error == "ExpiredToken" || problem.Error == "InvalidToken"
}

// facets makes links of the URLs in a text. Places are in bytes.
func facets(text string) (list []any) {
	for _, at := range linksOf(text) {
		list = append(list, map[string]any{
			"index":    map[string]int{"byteStart": at[0], "byteEnd": at[1]},
			"features": []any{map[string]string{"$type": "app.bsky.richtext.facet#link", "uri": text[at[0]:at[1]]}},
		})
	}
	return list
}

// recordKey returns a TID (atproto.com/specs/tid): microseconds since the Unix epoch and ten bits that tell such keys apart, both of a
// post's ID, which is a UUIDv7.
func recordKey(id motacilla.PostID) string {
	raw, err := hex.DecodeString(strings.ReplaceAll(string(id), "-", ""))
	if err != nil || len(raw) != 16 {
		raw = make([]byte, 16) // no post has such an ID
	}
	var n uint64
	for _, b := range raw[:6] {
		n = n<<8 | uint64(b) // milliseconds
	}
	random := uint64(raw[6]&0x0f)<<16 | uint64(raw[14])<<8 | uint64(raw[15])
	n = (n*1000+random/1024%1000)<<10 | random%1024
	const digits = "234567abcdefghijklmnopqrstuvwxyz"
	key := make([]byte, 13)
	for i := len(key) - 1; i >= 0; i-- {
		key[i] = digits[n%32]
		n /= 32
	}
	return string(key)
}
