package deploy

import (
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/app/standard"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"go.uber.org/fx"
)

// TestMetricNames checks that /metrics has all metrics of the dashboard and the alerts.
func TestMetricNames(t *testing.T) {
	var server *app.Server
	a := app.New(standard.Module, fx.Populate(&server), fx.Supply(&app.Input{Env: []string{}, YAML: []byte(`
server: {addr: "127.0.0.1:0", token: secret, limits: {requests_per_address: 1000}}
storage: {type: memory}
log: {level: error}
`), Flags: certificate(t)}))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	base := "https://" + server.Addr().String()
	get(t, base+"/") // a request is counted
	shown := map[string]bool{"up": true}
	for _, m := range regexp.MustCompile(`(?m)^([a-z_]+)[ {]`).FindAllStringSubmatch(get(t, base+"/metrics"), -1) {
		shown[m[1]] = true
	}
	for _, file := range []string{"grafana-dashboard.json", "prometheus-alerts.yaml"} {
		names := regexp.MustCompile(`\b(motacilla|process|go)_[a-z_]+\b`).FindAllString(string(read(t, file)), -1)
		if len(names) < 4 {
			t.Errorf("%s names %d metrics", file, len(names))
		}
		for _, name := range names {
			if !shown[name] {
				t.Errorf("%s: /metrics has no %s", file, name)
			}
		}
	}
}

// certificate returns the flags of a server that has its metrics of TLS too.
func certificate(t *testing.T) map[string]string {
	t.Helper()
	cert, key, err := realserver.SelfSigned("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	flags := map[string]string{}
	for flag, text := range map[string][]byte{"server.tls.cert": cert, "server.tls.key": key} {
		flags[flag] = filepath.Join(t.TempDir(), "file.pem")
		if err := os.WriteFile(flags[flag], text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return flags
}

func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // the test's own certificate
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
