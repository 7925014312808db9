package app_test

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

// An app with its own route. It gets its configuration from the program.
func ExampleNew() {
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "Live from the stadium.") })
	var server *app.Server
	a := app.New(
		memory.Module,
		polling.Module,
		app.Routes(route.Route{Name: "about", Pattern: "/about", Handler: hello}),
		fx.Supply(&app.Input{YAML: []byte(`{server: {addr: "127.0.0.1:0"}, log: {level: error}}`), Env: []string{}}),
		fx.Populate(&server),
	)
	ctx := context.Background()
	if err := a.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer a.Stop(ctx)
	resp, err := http.Get("http://" + server.Addr().String() + "/about")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	path, _ := server.URL("long-polling", "match-42")
	fmt.Print(string(body), path, "\n")
	// Output:
	// Live from the stadium.
	// /live/long-polling/match-42/
}

// The keys of an app's configuration.
func ExampleSchemaOf() {
	schema, err := app.SchemaOf(memory.Module, polling.Module)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, section := range schema.Reference() {
		if section.Name == "interval-polling" {
			for _, k := range section.Keys {
				fmt.Println(k.Name, k.Env, k.Default)
			}
		}
	}
	_, err = schema.Load(app.Input{YAML: []byte("publishers: [{type: long-poling}]"), Env: []string{}})
	fmt.Println(err)
	// Output:
	// publishers.interval-polling.path MOTACILLA_PUBLISHERS_INTERVAL_POLLING_PATH interval-polling/{channel_id}/
	// publishers.interval-polling.interval MOTACILLA_PUBLISHERS_INTERVAL_POLLING_INTERVAL 3s
	// publishers[0]: there is no publisher "long-poling"; known: long-polling, interval-polling (file given by the program)
}
