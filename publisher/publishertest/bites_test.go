package publishertest_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/route"
)

const faultKey = "PUBLISHERTEST_FAULT"

// TestRun runs the suite on a sound publisher, or, in a process of TestBites, on a broken one. It does not wait long for what a
// broken publisher does not do.
func TestRun(t *testing.T) {
	fault := os.Getenv(faultKey)
	if fault != "" {
		publishertest.SetPatience(4 * time.Second)
	}
	publishertest.Run(t, newLines(fault), followLines)
}

func TestDifferential(t *testing.T) {
	publishertest.Differential(t, map[string]publishertest.Entry{
		"one": {New: newNamed("one"), Follow: followLines}, "two": {New: newNamed("two"), Follow: followLines},
	}, 500)
}

// named is lines on another path.
type named struct {
	publisher.Publisher
	name string
}

func newNamed(name string) publishertest.New {
	return func(t testing.TB, feed *publisher.Feed) publisher.Publisher {
		return named{newLines("")(t, feed), name}
	}
}

func (n named) URLs() []route.Route {
	routes := n.Publisher.URLs()
	routes[0].Name, routes[0].Pattern = n.name, n.name+"/{channel_id}/"
	return routes
}

// TestBites runs the suite on publishers that are broken on purpose, each in a process of its own. The subtest that is about
// the fault must fail.
func TestBites(t *testing.T) {
	if os.Getenv(faultKey) != "" {
		return // this is such a process
	}
	const atOnce = 12 // most of them only wait
	places := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for fault, subtest := range map[string]string{
		"loses":         "Convergence",
		"undead":        "Changes",
		"leaky":         "Changes",
		"stale":         "Snapshot",
		"deaf":          "ResumeAtEveryRevision",
		"silent":        "UnknownChannel",
		"joins late":    "Joins",
		"blocks":        "StalledReader",
		"endures":       "StalledReader",
		"queues":        "SlowReader",
		"panics":        "RudeClients",
		"any method":    "Methods",
		"miscounts":     "Stats",
		"uncounted":     "Stats",
		"gossips":       "BecomesPrivate",
		"never expires": "PermissionEnds",
		"irrevocable":   "PermissionRevoked",
		"waits on":      "PermissionRevoked",
		"denies":        "StoreOutage",
		"hangs":         "Shutdown",
		"undying":       "Shutdown",
		"rushes":        "Shutdown",
		"reopens":       "Shutdown",
		"leaks":         "Snapshot",
		"moves":         "Routes",
	} {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRun$/^"+subtest+"$")
			cmd.Env = append(os.Environ(), faultKey+"="+fault)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || !strings.Contains(string(out), "--- FAIL: TestRun/"+subtest) {
				t.Errorf("%s: %s did not fail: %v\n%.3000s", fault, subtest, err, out)
			} else {
				t.Logf("%s:\n%.1500s", fault, out)
			}
		})
	}
	all.Wait()
}
