// Command motacilla is a server of live pages that can trace posts with OpenTelemetry: motacilla with the tracing "otlp". It has
// the server only; the commands that talk to a server are those of github.com/motacilla-live/motacilla/cmd/motacilla.
package main

import (
	_ "time/tzdata" // page.time_zone, also on machines without a database of time zones

	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/app/standard"
	"github.com/motacilla-live/motacilla/live/tracing/otlp"
)

func main() { app.Main(standard.Module, otlp.Module) }
