package compose_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/compose"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

// ourEditors is the hook of an app that has its own sign-in.
func ourEditors(r *http.Request, _ motacilla.ChannelID, action route.Action) (route.Grant, error) {
	if c, err := r.Cookie("our_session"); err == nil && c.Value == "editor" {
		return route.Grant{}, nil
	}
	if action == route.Read {
		return route.Grant{}, nil
	}
	return route.Grant{}, motacilla.ErrUnauthorized
}

// The desk of an app that has its own sign-in, at a path of the app's own.
func ExampleNew() {
	l, err := live.New(live.Options{
		Store: memory.New(nil), Authorize: ourEditors, Page: page.Options{SignInURL: "/our/sign-in"},
		Receivers: func(p *live.Parts) []receiver.Receiver {
			desk, err := compose.New(p.Page, p.Kit(), p.Authorize, &compose.Options{Path: "/desk"})
			if err != nil {
				fmt.Println(err)
				return nil
			}
			return []receiver.Receiver{webapp.New(p.Sink(), p.Authorize, nil), desk}
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := l.Start(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = l.Shutdown(context.Background()) }()
	for _, who := range []string{"nobody", "editor"} {
		r := httptest.NewRequest(http.MethodGet, "/desk/match-42", nil)
		r.AddCookie(&http.Cookie{Name: "our_session", Value: who})
		w := httptest.NewRecorder()
		l.ServeHTTP(w, r)
		fmt.Println(who, w.Code, w.Header().Get("Location"))
	}
	// Output:
	// nobody 303 /our/sign-in?next=%2Fdesk%2Fmatch-42
	// editor 200
}

// The desk in an app with fx.
func Example_app() {
	in := &app.Input{Env: []string{}, Flags: map[string]string{
		"server.addr": "127.0.0.1:0", "server.token": "s3cret", "log.level": "error", "receivers.compose.path": "/desk"}}
	var server *app.Server
	a := app.New(memory.Module, webapp.Module, compose.Module, fx.Supply(in), fx.Populate(&server),
		fx.Provide(func() route.Authorizer { return ourEditors }))
	if err := a.Start(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = a.Stop(context.Background()) }()
	for _, rt := range server.Routes() {
		if strings.HasPrefix(rt.Name, "compose") {
			fmt.Println(rt.Pattern)
		}
	}
	// Output:
	// /desk/
	// /desk/{channel_id}/
	// /desk/assets/{file}/
}
