package cluster

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/internal/realserver"
)

var (
	// soak makes every fault last 1, 10 and 30 s, for one node and for all, and gives slow images their full size. Nodes are
	// reached over TLS and without.
	soak  = flag.Bool("soak", false, "make faults last up to 30 s, and images as slow as on a bad line; takes an hour")
	which = flag.String("outage", "", "only the outages that match, such as '^half-open for 10s, all nodes true'")
)

// binary is the path of cmd/motacilla with the race detector. TestMain builds it.
var binary string

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "4") // the tests wait more than they work; -parallel overrides it
	flag.Parse()
	dir, err := os.MkdirTemp("", "motacilla-cluster-")
	if err != nil {
		panic(err)
	}
	if certificate, err = realserver.NewCertificate(dir); err != nil {
		panic(err)
	}
	fresh = &http.Client{Timeout: hang, Transport: dialling(http1)}
	keeper = &http.Client{Timeout: hang, Transport: keeping(20)}
	binary = filepath.Join(dir, "motacilla")
	build := exec.Command("go", "build", "-race", "-o", binary, "./cmd/motacilla")
	build.Dir, build.Stdout, build.Stderr = filepath.Join("..", ".."), os.Stderr, os.Stderr
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	code := 1
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build cmd/motacilla:", err)
	} else if code = m.Run(); code == 0 {
		keeper.CloseIdleConnections()
		if err := leaktest.Find(time.Minute); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}
