package compose

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// Name is the desk's name in the configuration, where it stands among the receivers.
const Name = "compose"

const defaultUndo = 8 * time.Second

// Options are the settings of the desk. nil and zero fields mean the defaults.
type Options struct {
	// Path is where the desk is, below the path of the site; the default is /compose.
	Path string `key:"path" doc:"path of the desk, below the path of the site"`

	// Undo is how long a deletion can be undone: it is sent after that. The default is 8 seconds, the shortest time a second.
	Undo time.Duration `key:"undo" min:"1s" max:"10m" doc:"time for which a deletion can be undone before it is sent"`

	Logger *zap.Logger // nil logs nothing
}

// Desk is the desk. It has nothing to start and nothing to stop.
type Desk struct {
	path      string
	undo      time.Duration
	pages     *page.Page
	kit       *receiver.Kit
	ingest    *receiver.Ingest
	authorize route.Authorizer
	api       *rest.API
	assets    *assets
	words     *words
	log       *zap.Logger

	account, signOut string // the paths of these pages; empty if there are none. Mounted sets them
	people           bool   // the site has accounts; Mounted sets it
}

var _ receiver.Receiver = (*Desk)(nil)

// New returns a desk for a site with these pages. It permits what authorize permits. The error says which option is wrong, or which
// word of a site's own language.
func New(pages *page.Page, kit *receiver.Kit, authorize route.Authorizer, o *Options) (*Desk, error) {
	d := &Desk{
		path: "/compose", undo: defaultUndo, pages: pages, kit: kit, ingest: receiver.NewIngest(kit.Sink, Name, nil), authorize: authorize,
		assets: newAssets(), log: zap.NewNop(),
	}
	if o != nil {
		if o.Logger != nil {
			d.log = o.Logger
		}
		if o.Path != "" {
			d.path = o.Path
		}
		if o.Undo != 0 {
			d.undo = o.Undo
		}
	}
	if d.path == "" || route.CheckBase(d.path) != nil {
		return nil, errors.New("path: must be a path such as /compose: no slash at its end, and only A-Z a-z 0-9 - . _ ~ between single slashes")
	}
	if d.undo < time.Second {
		return nil, errors.New("undo: must be at least 1s")
	}
	d.api = rest.New(authorize, d.log)
	var err error
	if d.words, err = readWords(); err == nil {
		err = d.words.check(pages.Languages())
	}
	if err != nil {
		return nil, fmt.Errorf("the words of the desk: %w", err)
	}
	return d, nil
}

// URLs returns the routes of the desk: its page with and without a channel, its files, and previews.
func (d *Desk) URLs() []route.Route {
	const preview = "/api/channels/{channel_id}/preview"
	return []route.Route{
		{Name: "compose", Pattern: d.path, Handler: http.HandlerFunc(d.shell)},
		{Name: "compose-channel", Pattern: d.path + "/{channel_id}", Handler: http.HandlerFunc(d.shell)},
		{Name: "compose-assets", Pattern: d.path + "/assets/{file}", Handler: http.HandlerFunc(d.assets.serve)},
		{Name: "api-preview", Pattern: preview, OpenAPI: openAPI, Handler: d.api.Handler(
			rest.Method{Name: http.MethodPost, Action: route.Draft, Often: true, Serve: d.preview})},
	}
}

// Mounted says which routes there are on the site, and below which path.
func (d *Desk) Mounted(_ string, routes ...route.Route) {
	if !slices.ContainsFunc(routes, func(rt route.Route) bool { return rt.Name == "api-posts" }) {
		d.log.Warn("the desk can't write: the receiver webapp, which takes its posts, is not there")
	}
	for _, rt := range routes {
		switch rt.Name {
		case "account":
			d.account = strings.TrimSuffix(rt.Pattern, "/")
		case "sign-out":
			d.signOut = strings.TrimSuffix(rt.Pattern, "/")
		case "api-access-people":
			d.people = true
		}
	}
}
