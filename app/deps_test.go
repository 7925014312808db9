package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/motacilla-live/motacilla"

// listed is a package as go list describes it.
type listed struct {
	ImportPath string
	DepOnly    bool     // it is not of this project
	Deps       []string // all packages that it compiles, without itself
	Module     *struct{ Path string }
}

// packages returns the packages of this project and all that they compile, by path. It asks go list once.
var packages = sync.OnceValues(func() (map[string]listed, error) {
	out, err := exec.Command("go", "list", "-deps", "-json=ImportPath,DepOnly,Deps,Module", module+"/...").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	all := map[string]listed{}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p listed
		if err := d.Decode(&p); err != nil {
			return nil, err
		}
		all[p.ImportPath] = p
	}
	return all, nil
})

func listPackages(t *testing.T) map[string]listed {
	t.Helper()
	all, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestDependencies checks what each package must not compile: other packages of this project, and heavy dependencies.
func TestDependencies(t *testing.T) {
	all := listPackages(t)
	heavy := []string{"go.opentelemetry.io", "github.com/nats-io", "modernc.org/sqlite", "github.com/jackc/pgx", "github.com/redis", "github.com/spf13/cobra", "github.com/evanw/esbuild", "github.com/getkin", "github.com/santhosh-tekuri"}
	adapters := []string{module + "/storage/", module + "/publisher/", module + "/receiver/", module + "/media/local", module + "/media/memory", module + "/compose"}
	server := []string{"github.com/prometheus", "github.com/spf13", "go.yaml.in"}
	languages := []string{"golang.org/x/text/language", "golang.org/x/text/feature", "golang.org/x/text/internal", module + "/page/languages"}
	frame := append([]string{"go.uber.org/fx"}, server...)
	for _, tt := range []struct {
		pkg string
		not [][]string
	}{
		{module, [][]string{heavy, adapters, frame, {"go.uber.org/", "golang.org/x/", module + "/"}}},
		{module + "/route", [][]string{heavy, adapters, frame, {"go.uber.org/", module + "/page", module + "/storage"}}},
		{module + "/storage", [][]string{heavy, adapters, server, {module + "/publisher", module + "/receiver", module + "/route"}}},
		{module + "/work", [][]string{heavy, adapters, frame, {module + "/"}}},
		{module + "/outbound", [][]string{heavy, adapters, frame, {"go.uber.org/", module + "/"}}},
		{module + "/media", [][]string{heavy, adapters, server, {module + "/storage", module + "/publisher", module + "/receiver", module + "/page"}}},
		{module + "/publisher", [][]string{heavy, adapters, server, {module + "/storage", module + "/receiver", module + "/page"}}},
		{module + "/receiver", [][]string{heavy, adapters, server, {module + "/storage", module + "/publisher", module + "/page", module + "/media"}}},
		{module + "/page", [][]string{heavy, adapters, frame, languages, {module + "/storage", module + "/publisher", module + "/receiver"}}},
		{module + "/client", [][]string{heavy, adapters, frame, {"go.uber.org/", module + "/"}}},
		{module + "/live", [][]string{heavy, adapters, languages, {module + "/app", "github.com/spf13", "go.yaml.in", "github.com/prometheus/client_golang/prometheus/promhttp"}}},
		{module + "/app", [][]string{heavy, adapters, languages}},
		{module + "/storage/memory", [][]string{heavy, {module + "/publisher", module + "/receiver", module + "/route", module + "/app"}}},
		{module + "/storage/postgres", [][]string{{"modernc.org/sqlite", "github.com/redis", "github.com/spf13/cobra", "github.com/evanw/esbuild"},
			{module + "/publisher", module + "/receiver", module + "/route", module + "/app", module + "/internal/realserver", module + "/internal/netfault", "testing"}}},
		{module + "/storage/redis", [][]string{
			{"modernc.org/sqlite", "github.com/jackc/pgx", "github.com/pressly", "github.com/spf13/cobra", "github.com/evanw/esbuild"},
			{module + "/publisher", module + "/receiver", module + "/route", module + "/app"},
		}},
		{module + "/publisher/polling", [][]string{heavy, {module + "/storage", module + "/receiver", module + "/app"}}},
		{module + "/publisher/sse", [][]string{heavy, {module + "/storage", module + "/receiver", module + "/app", "github.com/r3labs", "github.com/gorilla"}}},
		{module + "/publisher/durablestreams", [][]string{heavy, {module + "/storage", module + "/receiver", module + "/app", "github.com/r3labs", "github.com/gorilla"}}},
		{module + "/publisher/websocket", [][]string{heavy, {module + "/storage", module + "/receiver", module + "/app", "github.com/r3labs"}}},
		{module + "/compose", [][]string{{"go.opentelemetry.io", "github.com/nats-io", "modernc.org/sqlite", "github.com/jackc/pgx", "github.com/redis", "github.com/spf13", "github.com/evanw/esbuild", "github.com/getkin"},
			languages, {module + "/storage", module + "/publisher", module + "/receiver/", module + "/live", module + "/app", module + "/access", module + "/media"}}},
		{module + "/examples/customapp", [][]string{heavy, languages, {module + "/storage/sqlite", module + "/storage/postgres", module + "/receiver/"}}},
		{module + "/examples/custompublisher", [][]string{heavy, adapters, server, {module + "/storage", module + "/app"}}},
		{module + "/examples/r3labspublisher", [][]string{heavy, adapters, server, {module + "/storage", module + "/app"}}},
	} {
		p, there := all[tt.pkg]
		if !there {
			t.Errorf("there is no package %s", tt.pkg)
		}
		for _, dep := range p.Deps {
			if strings.HasPrefix(dep, module+"/publisher/internal/") || strings.HasPrefix(dep, module+"/media/internal/") { // of the port itself
				continue
			}
			for _, list := range tt.not {
				for _, not := range list {
					if dep == module+"/publisher/relay" && not == module+"/publisher/" { // a port too: adapters are below publisher
						continue
					}
					if dep != tt.pkg && strings.HasPrefix(dep, not) {
						t.Errorf("%s compiles %s", tt.pkg, dep)
					}
				}
			}
		}
	}
}
