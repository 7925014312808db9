package app_test

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/motacilla-live/motacilla"

func deps(t *testing.T, pkg string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", pkg).Output()
	if err != nil {
		t.Fatalf("go list -deps %s: %v", pkg, err)
	}
	return strings.Fields(string(out))
}

// TestDependencies checks what each package must not compile: other packages of this project, and heavy dependencies.
func TestDependencies(t *testing.T) {
	heavy := []string{"modernc.org/sqlite", "github.com/jackc/pgx", "github.com/redis", "github.com/spf13/cobra", "github.com/evanw/esbuild", "github.com/getkin"}
	adapters := []string{module + "/storage/", module + "/publisher/", module + "/receiver/"}
	server := []string{"github.com/prometheus", "github.com/spf13", "go.yaml.in"}
	frame := append([]string{"go.uber.org/fx"}, server...)
	for _, tt := range []struct {
		pkg string
		not [][]string
	}{
		{module, [][]string{heavy, adapters, frame, {"go.uber.org/", "golang.org/x/", module + "/"}}},
		{module + "/route", [][]string{heavy, adapters, frame, {"go.uber.org/", module + "/page", module + "/storage"}}},
		{module + "/storage", [][]string{heavy, adapters, server, {module + "/publisher", module + "/receiver", module + "/route"}}},
		{module + "/publisher", [][]string{heavy, adapters, server, {module + "/storage", module + "/receiver", module + "/page"}}},
		{module + "/receiver", [][]string{heavy, adapters, server, {module + "/storage", module + "/publisher", module + "/page"}}},
		{module + "/page", [][]string{heavy, adapters, frame, {module + "/storage", module + "/publisher", module + "/receiver"}}},
		{module + "/client", [][]string{heavy, adapters, frame, {"go.uber.org/", module + "/"}}},
		{module + "/app", [][]string{heavy, adapters}},
		{module + "/storage/memory", [][]string{heavy, {module + "/publisher", module + "/receiver", module + "/route", module + "/app"}}},
		{module + "/storage/postgres", [][]string{{"modernc.org/sqlite", "github.com/redis", "github.com/spf13/cobra", "github.com/evanw/esbuild"},
			{module + "/publisher", module + "/receiver", module + "/route", module + "/app", module + "/internal/realserver", module + "/internal/netfault", "testing"}}},
		{module + "/storage/redis", [][]string{
			{"modernc.org/sqlite", "github.com/jackc/pgx", "github.com/pressly", "github.com/spf13/cobra", "github.com/evanw/esbuild"},
			{module + "/publisher", module + "/receiver", module + "/route", module + "/app"},
		}},
		{module + "/publisher/polling", [][]string{heavy, {module + "/storage", module + "/receiver", module + "/app"}}},
		{module + "/publisher/sse", [][]string{heavy, {module + "/storage", module + "/receiver", module + "/app", "github.com/r3labs", "github.com/gorilla"}}},
		{module + "/publisher/websocket", [][]string{heavy, {module + "/storage", module + "/receiver", module + "/app", "github.com/r3labs"}}},
		{module + "/examples/customapp", [][]string{heavy, {module + "/storage/sqlite", module + "/storage/postgres", module + "/receiver/"}}},
		{module + "/examples/custompublisher", [][]string{heavy, adapters, server, {module + "/storage", module + "/app"}}},
	} {
		for _, dep := range deps(t, tt.pkg) {
			if strings.HasPrefix(dep, module+"/publisher/internal/") { // of the port itself
				continue
			}
			for _, list := range tt.not {
				for _, not := range list {
					if dep != tt.pkg && strings.HasPrefix(dep, not) {
						t.Errorf("%s compiles %s", tt.pkg, dep)
					}
				}
			}
		}
	}
}
