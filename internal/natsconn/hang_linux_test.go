package natsconn_test

import (
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/natsconn"
	"github.com/motacilla-live/motacilla/internal/realserver"
)

// TestHang: a server that stands still does not hold up whoever publishes, or closes the connection. The library alone would wait for a
// minute, under a lock that everything needs.
func TestHang(t *testing.T) {
	server := realserver.NewNATS(t)
	d, err := natsconn.New(&natsconn.Options{Servers: []string{server.URL()}}, "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	link, err := d.Open()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := link.Conn()
	if err != nil {
		t.Fatal(err)
	}
	server.Freeze(t)
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer link.Close()
		for conn.IsConnected() { // fills the buffers between here and there
			_ = conn.Publish("x", make([]byte, 1<<20))
		}
	}()
	select {
	case <-over:
	case <-time.After(45 * time.Second):
		t.Error("the connection can't be closed")
		<-over
	}
}
