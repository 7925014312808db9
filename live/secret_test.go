package live_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// A source that can show its secret nowhere else has it in its path. No log has it, also if the handler panics, and also if requests that
// change something are noted in the audit log.
func TestNoLogHasTheSecretOfAPath(t *testing.T) {
	t.Parallel()
	for name, audited := range map[string]bool{"no audit log": false, "an audit log": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			if audited {
				o.Access = access.New(access.NewKit(&access.KitOptions{Records: o.Store.Records()}), secret)
				o.Token = ""
			}
			hidesTheSecretOfAPath(t, o)
		})
	}
}

func hidesTheSecretOfAPath(t *testing.T, o live.Options) {
	t.Helper()
	const secret = "a-long-secret"
	core, logged := observer.New(zapcore.DebugLevel)
	o.Logger = zap.New(core)
	o.Routes = append(o.Routes, route.Route{Name: "hook", Pattern: "/hooks/board/{" + route.Secret + "}",
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodDelete {
				panic("a mistake")
			}
		})})
	s := start(t, o)
	server := s.serve(s, false)
	for _, method := range []string{http.MethodPost, http.MethodDelete} {
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL+base+"/hooks/board/"+secret, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	server.Close()
	lines := 0
	for _, e := range logged.All() {
		path, _ := e.ContextMap()["path"].(string)
		if strings.Contains(path, secret) {
			t.Errorf("%s: %s", e.Message, path)
		}
		if strings.Contains(path, "/hooks/board/(secret)") {
			lines++
		}
	}
	if lines != 3 {
		t.Errorf("%d lines have the path, want one for each request and one for the panic", lines)
	}
}
