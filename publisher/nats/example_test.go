package nats_test

import (
	"fmt"

	"github.com/motacilla-live/motacilla/publisher/nats"
)

// Whoever subscribes to a channel's subject at NATS gets its updates.
func ExampleSubject() {
	fmt.Println(nats.Subject("motacilla.{channel_id}", "match-42"))
	fmt.Println(nats.Subject("motacilla.{channel_id}", "2026.final"))
	// Output:
	// motacilla.match-42
	// motacilla.2026%2Efinal
}
