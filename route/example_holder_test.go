package route_test

import (
	"fmt"

	"github.com/motacilla-live/motacilla/route"
)

// A stream ends when the permission for it is revoked.
func ExampleNewHolder() {
	holder, revoke := route.NewHolder("session/1", "person/anna", "Anna")
	ended := make(chan struct{})
	holder.OnRevoke(func() { close(ended) })
	revoke()
	<-ended
	fmt.Println(holder.Name, holder.Revoked())
	// Output:
	// Anna true
}
