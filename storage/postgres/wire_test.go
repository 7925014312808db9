package postgres

import (
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// A connection that is being made is closed if the server is silent, but not if this process is slow.
func TestWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, server := net.Pipe()
		defer server.Close()
		w := newWire(ours, time.Second)
		defer w.Close()
		buf := make([]byte, 8)
		go func() {
			for {
				if _, err := server.Read(make([]byte, 8)); err != nil {
					return
				}
				time.Sleep(900 * time.Millisecond)
				if _, err := server.Write([]byte("answer")); err != nil {
					return
				}
			}
		}()
		for range 3 {
			time.Sleep(time.Minute) // this process has other things to do
			if _, err := w.Write([]byte("ask")); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Read(buf); err != nil {
				t.Fatal(err)
			}
		}
		asked := time.Now()
		if _, err := w.Read(buf); err == nil {
			t.Error("the server has said nothing, and something was read")
		}
		if waited := time.Since(asked); waited != time.Second {
			t.Errorf("waited %v for a silent server, want 1 s", waited)
		}
	})
}
