package access

import (
	_ "embed" // for openapi.json
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/route"
)

// openAPI describes the routes of [Access.URLs], by their paths.
//
//go:embed openapi.json
var openAPI []byte

// own returns the routes that the core has itself.
func (a *Access) own() []route.Route {
	var described map[string]jsontext.Value
	if err := json.Unmarshal(openAPI, &described); err != nil {
		panic(err) // a test reads it too
	}
	at := func(name, path string, methods ...rest.Method) route.Route {
		return route.Route{Name: name, Pattern: path, Handler: a.kit.api.Handler(methods...), OpenAPI: described[path]}
	}
	get, post, remove := http.MethodGet, http.MethodPost, http.MethodDelete
	return []route.Route{
		at("access-me", "/api/access/me", rest.Method{Name: get, Serve: a.me}),
		at("access-tokens", "/api/access/tokens",
			rest.Method{Name: get, Action: route.Manage, Serve: a.listTokens},
			rest.Method{Name: post, Action: route.Manage, Serve: a.createToken}),
		at("access-token", "/api/access/tokens/{token}", rest.Method{Name: remove, Action: route.Manage, Serve: a.revokeToken}),
		at("access-revocations", "/api/access/revocations",
			rest.Method{Name: get, Action: route.Manage, Serve: a.listRevocations},
			rest.Method{Name: post, Action: route.Manage, Serve: a.revokeSigned}),
		at("access-sessions", "/api/access/sessions", rest.Method{Name: get, Serve: a.listSessions}),
		at("access-session", "/api/access/sessions/{session}", rest.Method{Name: remove, Serve: a.endSession}),
		at("access-tickets", "/api/access/tickets", rest.Method{Name: post, Serve: a.createTicket}),
		at("access-audit", "/api/access/audit", rest.Method{Name: get, Action: route.Manage, Serve: a.listAudit}),
	}
}

// sender returns who sends a request; ErrUnauthorized if it shows nothing that is known, which is noted.
func (a *Access) sender(r *http.Request) (*Subject, error) {
	s, err := a.meant(r)
	if s == nil && err == nil {
		err = fmt.Errorf("%w: sign in, or send a token as Authorization: Bearer TOKEN", motacilla.ErrUnauthorized)
	}
	if errors.Is(err, motacilla.ErrUnauthorized) {
		action := route.Read
		if !reads(r) {
			action = route.Write
		}
		a.audit.refused(r, nil, "", action, err)
	}
	return s, err
}

// meJSON is a subject.
type meJSON struct {
	Who     string  `json:"who"`
	Name    string  `json:"name"`
	Kind    string  `json:"kind"` // of its credential: the beginning of the Holder's ID
	Rights  Rights  `json:"rights"`
	Expires *string `json:"expires"`
}

func (a *Access) me(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	s, err := a.sender(r)
	if err != nil {
		return err
	}
	kind, _, _ := strings.Cut(s.Holder.ID, "/")
	return rest.Write(w, http.StatusOK, meJSON{s.Holder.Who, s.Holder.Name, kind, s.Rights, stamp(s.Expires)})
}

func (a *Access) createTicket(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	s, err := a.sender(r)
	if err != nil {
		return err
	}
	if err := rest.ReadBody(w, r, &struct{}{}); err != nil {
		return err
	}
	ticket, life, err := a.kit.Ticket(r.Context(), s)
	if err != nil {
		return err
	}
	return rest.WriteSecret(w, http.StatusCreated, struct {
		Ticket    string `json:"ticket"`
		ExpiresIn int    `json:"expires_in"` // seconds
	}{ticket, int(life.Seconds())})
}

// stamp returns a time as JSON has it; nil if it is zero.
func stamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := motacilla.FormatTime(t)
	return &s
}

// query returns the request's parameters. Each of names must be given at most once.
func query(r *http.Request, names ...string) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, motacilla.Invalid("query", "must be percent-encoded")
	}
	for _, name := range names {
		if len(q[name]) > 1 {
			return nil, motacilla.Invalid(name, "must be given at most once")
		}
	}
	return q, nil
}
