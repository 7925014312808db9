package app_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// board is an adapter of this test: a publisher and a receiver, whose one route answers with its text.
type board struct {
	pattern, text string
	start, end    func()
}

type boardOptions struct {
	Path string   `key:"path" doc:"path of the route"`
	Tags []string `key:"tags" doc:"words of the answer"`
}

func (b *board) URLs() []route.Route {
	return []route.Route{{Name: b.text, Pattern: b.pattern, Handler: http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, b.text) })}}
}

func (b *board) Start(context.Context) error {
	if b.start != nil {
		b.start()
	}
	return nil
}

func (b *board) Shutdown(context.Context) error {
	if b.end != nil {
		b.end()
	}
	return nil
}

// database is something that an app has itself.
type database struct{ name string }

func TestManyOfOneType(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	r := start(t, `
publishers:
  - {type: board, path: "/a/{channel_id}", tags: [a]}
  - {type: other, path: "/b/{channel_id}"}
  - {type: board, path: "/c/{channel_id}", tags: [c, d]}
  - {type: long-polling}
  - {type: board, path: "/e/{channel_id}"}
`,
		publisher.Register("board", &boardOptions{Tags: []string{"default"}}, func(o *boardOptions, log *zap.Logger) *board {
			log.Info("made")
			return &board{pattern: o.Path, text: "board:" + strings.Join(o.Tags, "+")}
		}),
		publisher.Register("other", &boardOptions{}, func(o *boardOptions, log *zap.Logger) *board {
			log.Info("made")
			return &board{pattern: o.Path, text: "other"}
		}),
		fx.Decorate(func(*zap.Logger) *zap.Logger { return zap.New(core) }))
	for path, want := range map[string]string{"/a/open": "board:a", "/b/open": "other", "/c/open": "board:c+d", "/e/open": "board:default"} {
		if _, body := r.do(t, http.MethodGet, path); body != want {
			t.Errorf("%s answers %q, want %q", path, body, want)
		}
	}
	_, offered := r.do(t, http.MethodGet, "/channels/open/transports")
	last := -1
	for _, url := range []string{"/a/open", "/b/open", "/c/open", "/live/long-polling/open", "/e/open"} {
		at := strings.Index(offered, url)
		if at <= last {
			t.Errorf("%s is not at its place in %s", url, offered)
		}
		last = at
	}
	var made []string
	for _, entry := range logs.FilterMessage("made").All() {
		made = append(made, fmt.Sprint(entry.ContextMap()))
	}
	slices.Sort(made)
	if got := strings.Join(made, " "); got != "map[publisher:board] map[publisher:board] map[publisher:board] map[publisher:other]" {
		t.Errorf("logged with the fields %s", got)
	}
	for _, entry := range logs.FilterMessage("listening").All() {
		if len(entry.Context) != 1 {
			t.Errorf("the server logs with the fields %v", entry.ContextMap())
		}
	}
}

// TestConstructorsAskForAnything: the constructors of adapters ask for what the app and the graph have, and add hooks of
// their own. What they need starts before them and stops after them.
func TestConstructorsAskForAnything(t *testing.T) {
	var order []string
	note := func(event string) func() { return func() { order = append(order, event) } }
	hooks := func(lc fx.Lifecycle, name string) {
		lc.Append(fx.StartStopHook(note("start "+name), note("stop "+name)))
	}
	type everything struct {
		fx.In

		Options   *boardOptions
		Database  *database
		Store     storage.Store
		Sink      receiver.Sink
		Feed      *publisher.Feed
		Origins   *route.Origins
		Authorize route.Authorizer
		Config    *app.Config
		Token     *app.Token
		Logger    *zap.Logger
		Lifecycle fx.Lifecycle
	}
	made := func(name string) func(in everything) *board {
		return func(in everything) *board {
			if in.Database.name != "own" || in.Config.Server.Token != "s3cret" || in.Token.Secret != "s3cret" {
				t.Errorf("%s got %+v", name, in)
			}
			if _, err := in.Store.PutChannel(t.Context(), motacilla.Channel{ID: motacilla.ChannelID(name)}, 0); err != nil {
				t.Error(err)
			}
			if _, err := in.Sink.Channel(t.Context(), motacilla.ChannelID(name)); err != nil {
				t.Error(err)
			}
			if _, err := in.Feed.Channel(t.Context(), motacilla.ChannelID(name)); err != nil {
				t.Error(err)
			}
			hooks(in.Lifecycle, "hook of "+name)
			return &board{pattern: "/" + name + "/{channel_id}", text: name, start: note("start " + name), end: note("end " + name)}
		}
	}
	r := start(t, "storage: {type: own}",
		fx.Provide(func(lc fx.Lifecycle) *database {
			hooks(lc, "database")
			return &database{"own"}
		}),
		storage.Register[struct{}]("own", nil, func(db *database, log *zap.Logger, lc fx.Lifecycle) *memory.Store {
			hooks(lc, "hook of "+db.name)
			return memory.New(&memory.Options{Logger: log})
		}),
		publisher.Register("board", &boardOptions{}, made("board")),
		receiver.Register("inbox", &boardOptions{}, made("inbox")))
	for _, path := range []string{"/board/open", "/inbox/open"} {
		if resp, _ := r.do(t, http.MethodGet, path); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range [][2]string{
		{"start database", "start hook of own"}, {"start hook of own", "start hook of inbox"},
		{"start hook of inbox", "start inbox"}, {"start inbox", "end board"}, {"start hook of board", "start board"},
		{"end board", "end inbox"}, {"end inbox", "stop hook of inbox"}, {"end board", "stop hook of board"},
		{"stop hook of inbox", "stop hook of own"}, {"stop hook of board", "stop hook of own"}, {"stop hook of own", "stop database"},
	} {
		before, after := slices.Index(order, tt[0]), slices.Index(order, tt[1])
		if before < 0 || after < 0 || before > after {
			t.Errorf("%q is not before %q: %q", tt[0], tt[1], order)
		}
	}
	if order = slices.Compact(order); len(order) != 12 { // a publisher may be shut down again
		t.Errorf("events are %q", order)
	}
}

// TestOnlyWhatIsNamedIsMade: what the configuration does not name is not made, and nothing is made of a wrong one.
func TestOnlyWhatIsNamedIsMade(t *testing.T) {
	var made []string
	opts := fx.Options(
		memory.Module, polling.Module,
		fx.Provide(func() *database {
			made = append(made, "database")
			return &database{}
		}),
		storage.Register[struct{}]("own", nil, func(*database) *memory.Store {
			made = append(made, "store")
			return memory.New(nil)
		}),
		publisher.Register("board", &boardOptions{Path: "/a/{channel_id}"}, func(*boardOptions, *database) *board {
			made = append(made, "publisher")
			return &board{pattern: "/a/{channel_id}"}
		}),
		receiver.Register("inbox", &boardOptions{}, func(*boardOptions, *database) *board {
			made = append(made, "receiver")
			return &board{pattern: "/a/{channel_id}"}
		}),
		fx.Invoke(func(*app.Server) { made = append(made, "invocation") }))
	if _, err := app.SchemaOf(opts); err != nil || len(made) > 0 {
		t.Errorf("the keys: %v, made are %q", err, made)
	}
	for yaml, want := range map[string]string{
		"publishers: [{type: board, pth: /}]":                                              "",
		"{storage: {type: memory}, publishers: [long-polling], receivers: [], log: {}}":    "invocation",
		"{storage: {type: memory}, publishers: [long-polling], receivers: [inbox]}":        "database receiver invocation",
		"{storage: {type: own}, publishers: [long-polling], receivers: [inbox], page: {}}": "database store receiver invocation",
	} {
		made = nil
		err := app.New(opts, fx.Supply(&app.Input{YAML: []byte(yaml), Env: []string{}})).Err()
		if got := strings.Join(made, " "); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %v, made are %q, want %q", yaml, err, got, want)
		}
	}
}

func TestErrorsOfAdapters(t *testing.T) {
	boom := errors.New("boom")
	for name, tt := range map[string]struct {
		give fx.Option
		yaml string
		want string
	}{
		"the store's": {storage.Register[struct{}]("own", nil, func() (storage.Store, error) { return nil, boom }),
			"storage: {type: own}", "storage (own): boom"},
		"a publisher's": {publisher.Register("board", &boardOptions{}, func(*boardOptions) (*board, error) { return nil, boom }),
			"publishers: [long-polling, board]", "publishers[1] (board): boom"},
		"a receiver's": {receiver.Register("inbox", &boardOptions{}, func(*boardOptions) (*board, error) { return nil, boom }),
			"receivers: [inbox]", "receivers[0] (inbox): boom"},
		"a type that nobody provides": {publisher.Register("board", &boardOptions{}, func(*boardOptions, *database) *board { return nil }),
			"publishers: [board]", `[name="publishers[0] (board)"]`},
		"the same": {publisher.Register("board", &boardOptions{}, func(*boardOptions, *database) *board { return nil }),
			"publishers: [board]", "missing type: *app_test.database"},
		"no constructor": {receiver.Register("inbox", &boardOptions{}, &board{}), "",
			`register the receiver "inbox": its constructor must be a function`},
		"a setting of a type that there is not": {publisher.Register("board", &struct {
			N uint8 `key:"n"`
		}{}, func(*struct {
			N uint8 `key:"n"`
		}) *board {
			return nil
		}), "", `publisher "board": n: a setting can't be a uint8`},
		"two of one name": {fx.Options(receiver.Register("inbox", &boardOptions{}, func(*boardOptions) *board { return nil }),
			receiver.Register("inbox", &boardOptions{}, func(*boardOptions) *board { return nil })), "",
			`the receiver "inbox" is registered twice`},
	} {
		t.Run(name, func(t *testing.T) {
			err := app.Run(tt.give, memory.Module, polling.Module, fx.Supply(&app.Input{YAML: []byte(tt.yaml), Env: []string{}}))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v\nwant %s", err, tt.want)
			}
		})
	}
}

// TestOpenStore opens a store whose constructor asks for something of the app's own, and adds a hook.
func TestOpenStore(t *testing.T) {
	var order []string
	own := storage.Register("own", &struct {
		Path string `key:"path"`
	}{}, func(o *struct {
		Path string `key:"path"`
	}, db *database, lc fx.Lifecycle) *memory.Store {
		order = append(order, "open "+o.Path+" of "+db.name)
		lc.Append(fx.StartStopHook(func() { order = append(order, "start") }, func() { order = append(order, "stop") }))
		return memory.New(nil)
	})
	in := app.Input{YAML: []byte{}, Env: []string{}}
	found, err := app.StoreAt("own:here").Find(in, own)
	if err != nil || found.Type != "own" || found.Key != "path" || found.Place != "here" || len(order) > 0 {
		t.Fatalf("found %+v, %v, after %q", found, err, order)
	}
	if _, err := app.OpenStore(t.Context(), "own:here", in, zap.NewNop(), own); err == nil || !strings.Contains(err.Error(), "missing type: *app_test.database") {
		t.Errorf("without a database: %v", err)
	}
	opened, err := app.OpenStore(t.Context(), "own:here", in, zap.NewNop(), own, fx.Supply(&database{"mine"}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := opened.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Error(err)
	}
	if err := errors.Join(opened.Close(), opened.Close()); err != nil {
		t.Error(err)
	}
	if _, err := opened.Channel(t.Context(), "c"); !errors.Is(err, motacilla.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if got := strings.Join(order, ", "); got != "open here of mine, start, stop" {
		t.Errorf("it went %s", got)
	}
}
