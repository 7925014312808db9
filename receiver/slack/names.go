package slack

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/slack-go/slack"
	"go.uber.org/zap"
)

const (
	nameBudget  = time.Second      // for all that Slack is asked because of a message: it waits 3 s for its answer
	nameFresh   = time.Hour        // a name is used so long without a look at the records
	nameTTL     = 24 * time.Hour   // all nodes use a name so long without asking Slack
	nameRefused = 10 * time.Minute // Slack is not asked again so soon for what it does not tell
	nameFailed  = 30 * time.Second // nor after it did not answer
	maxNames    = 10_000           // in memory
)

// nameRecords is the namespace of the names that nodes share.
const nameRecords = "slack.names"

// names knows what users, channels and user groups are called. It asks Slack, and remembers the answers in memory and in the
// store's records.
type names struct {
	api     *slack.Client
	records motacilla.Records
	owner   string // the receiver whose names these are
	log     *zap.Logger

	mu     sync.Mutex
	known  map[mention]known
	asking map[mention]chan struct{} // closed when the answer is there
}

type known struct {
	name  string // "" if it can't be had
	err   error  // why, if a later try may succeed
	until time.Time
}

func newNames(api *slack.Client, records motacilla.Records, owner string, log *zap.Logger) *names {
	return &names{
		api: api, records: records, owner: owner, log: log, known: map[mention]known{}, asking: map[mention]chan struct{}{},
	}
}

// all returns the names of what is mentioned, as far as they can be had before ctx ends.
func (n *names) all(ctx context.Context, list []mention) map[mention]string {
	all := make(map[mention]string, len(list))
	for _, m := range list {
		if ctx.Err() != nil {
			break
		}
		if name, _ := n.of(ctx, m); name != "" {
			all[m] = name
		}
	}
	return all
}

// of returns the name of m, or "" if Slack does not tell it. The error says that Slack did not answer.
func (n *names) of(ctx context.Context, m mention) (string, error) {
	for {
		n.mu.Lock()
		if k, ok := n.known[m]; ok && time.Now().Before(k.until) {
			n.mu.Unlock()
			return k.name, k.err
		}
		asked, ok := n.asking[m]
		if !ok {
			asked = make(chan struct{})
			n.asking[m] = asked
		}
		n.mu.Unlock()
		if !ok {
			k := n.load(ctx, m)
			n.keep(m, k)
			close(asked)
			return k.name, k.err
		}
		select {
		case <-asked:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

func (n *names) keep(m mention, k known) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.asking, m)
	if len(n.known) >= maxNames {
		clear(n.known)
	}
	n.known[m] = k
}

// load reads a name from the records, or asks Slack.
func (n *names) load(ctx context.Context, m mention) known {
	key := n.owner + "/" + map[spanKind]string{userSpan: "user", channelSpan: "channel", groupSpan: "group"}[m.kind] + "/" + m.id
	if r, err := n.records.Get(ctx, nameRecords, key); err == nil {
		var name string
		if json.Unmarshal(r.Value, &name) == nil {
			return known{name: name, until: time.Now().Add(nameFresh)}
		}
	}
	name, err := n.ask(ctx, m)
	switch {
	case err == nil && name != "":
		name = short.Cut(clean(name), motacilla.MaxID)
		if value, err := json.Marshal(name); err == nil {
			_, _ = n.records.Put(ctx, motacilla.Record{Namespace: nameRecords, Key: key, Value: value, TTL: nameTTL})
		}
		return known{name: name, until: time.Now().Add(nameFresh)}
	case err == nil || definite(err):
		n.log.Info("Slack does not tell a name", zap.String("id", m.id), zap.Error(err))
		return known{until: time.Now().Add(nameRefused)}
	}
	n.log.Warn("a name could not be looked up", zap.String("id", m.id), zap.Error(err))
	wait := nameFailed
	var limited *slack.RateLimitedError
	switch {
	case errors.As(err, &limited):
		wait = max(wait, min(limited.RetryAfter, nameRefused))
	case errors.Is(ctx.Err(), context.Canceled): // whoever asked has gone, which says nothing about Slack
		wait = 0
	}
	return known{err: err, until: time.Now().Add(wait)}
}

// definite reports whether Slack has answered, and would answer the same again.
func definite(err error) bool {
	var answer slack.SlackErrorResponse
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.Err {
	case "internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited", "team_added_to_org":
		return false
	}
	return true
}

func (n *names) ask(ctx context.Context, m mention) (string, error) {
	switch m.kind {
	case userSpan:
		u, err := n.api.GetUserInfoContext(ctx, m.id)
		if err != nil {
			return "", err
		}
		return firstOf(u.Profile.DisplayName, u.Profile.RealName, u.RealName, u.Name), nil
	case channelSpan:
		c, err := n.api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: m.id})
		if err != nil {
			return "", err
		}
		return c.Name, nil
	}
	groups, err := n.api.GetUserGroupsContext(ctx)
	for _, g := range groups {
		if g.ID == m.id {
			return firstOf(g.Handle, g.Name), nil
		}
	}
	return "", err
}

// author returns the name under which a message is shown.
func (r *Receiver) author(ctx context.Context, m *message) string {
	if !r.o.Authors {
		return ""
	}
	bot := ""
	if m.BotProfile != nil {
		bot = m.BotProfile.Name
	}
	name := firstOf(m.Username)
	if name == "" && !m.fromBot() {
		name = m.Profile.name()
	}
	if name == "" && bot == "" && validID(m.User) {
		user := mention{userSpan, m.User}
		name = r.names.all(ctx, []mention{user})[user]
	}
	return short.Cut(clean(firstOf(name, bot)), motacilla.MaxID)
}

// known returns the files of a message with what Slack says about them. If a file comes from another workspace, the message has
// only its ID.
func (r *Receiver) known(ctx context.Context, files []slack.File) []slack.File {
	for i, f := range files {
		if f.FileAccess != "check_file_info" || f.URLPrivate != "" || f.ID == "" {
			continue
		}
		full, _, _, err := r.api.GetFileInfoContext(ctx, f.ID, 0, 0)
		if err != nil {
			r.log.Warn("a file could not be looked up", zap.String("file", f.ID), zap.Error(err))
			continue
		}
		files[i] = *full
	}
	return files
}
