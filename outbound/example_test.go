package outbound_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"

	"github.com/motacilla-live/motacilla/outbound"
)

// An address that a post names leads to the machine's own network. Only a network that is allowed is called.
func Example() {
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "an internal page")
	}))
	defer inside.Close()

	client := outbound.New(nil)
	defer client.Close()
	_, err := client.Get(context.Background(), inside.URL, 1<<20)
	fmt.Println(errors.Is(err, outbound.ErrRefused))

	trusting := outbound.New(&outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	defer trusting.Close()
	page, err := trusting.Get(context.Background(), inside.URL, 1<<20)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(page.Body))
	// Output:
	// true
	// an internal page
}
