// Command live is a server that delivers by r3labs' server alone:
//
//	go run ./examples/r3labspublisher/live --server.token secret
//
// With --help it lists its settings.
package main

import (
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/examples/r3labspublisher"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/storage/memory"
)

func main() {
	app.Main(memory.Module, webapp.Module, r3labspublisher.Module)
}
