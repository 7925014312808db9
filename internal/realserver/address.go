package realserver

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
)

var (
	takenMu sync.Mutex
	taken   = map[string]bool{} // what FreeAddress and FreePort have returned
)

// FreeAddress returns a TCP address that is not in use. It stays free while the server that uses it is stopped: the process
// gets it once, and no other process gets it. On Linux each process has a loopback address of its own. On 127.0.0.1 an
// outgoing connection could have the port.
func FreeAddress(t testing.TB) string {
	t.Helper()
	host := loopback()
	takenMu.Lock()
	defer takenMu.Unlock()
	for {
		listener, err := net.Listen("tcp4", host+":0")
		if err != nil {
			t.Fatal(err)
		}
		addr := listener.Addr().String()
		_ = listener.Close()
		if !taken[addr] {
			taken[addr] = true
			return addr
		}
	}
}

// loopback is this process's own loopback address, if the system has more than one.
func loopback() string {
	pid := os.Getpid()
	if runtime.GOOS != "linux" {
		return "127.0.0.1"
	}
	return fmt.Sprintf("127.%d.%d.%d", 1+pid>>16, pid>>8&255, pid&255)
}
