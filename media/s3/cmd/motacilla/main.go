// Command motacilla is a server of live pages that can keep images in an S3 bucket: motacilla with the media store "s3". It has
// the server only; the commands that talk to a server are those of github.com/motacilla-live/motacilla/cmd/motacilla.
package main

import (
	_ "time/tzdata" // page.time_zone, also on machines without a database of time zones

	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/app/standard"
	"github.com/motacilla-live/motacilla/media/s3"
)

func main() { app.Main(standard.Module, s3.Module) }
