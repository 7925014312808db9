//go:build linux

package harness

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/bench/internal/server"
	"github.com/motacilla-live/motacilla/internal/load"
	"github.com/motacilla-live/motacilla/internal/nginx"
)

// TestMain runs the tests, or one of the processes that the harness starts from its own binary.
func TestMain(m *testing.M) {
	var err error
	switch {
	case len(os.Args) == 2 && os.Args[1] == "load":
		err = load.Run(os.Stdin, os.Stdout)
	case len(os.Args) == 2 && os.Args[1] == insertLoop:
		err = server.RunInsert(os.Stdin, os.Stdout)
	case len(os.Args) == 2 && os.Args[1] == "node":
		err = server.RunNode(os.Stdin, os.Stdout)
	case len(os.Args) == 3 && os.Args[1] == "serve":
		err = server.Run(os.Args[2], os.Stdin, os.Stdout)
	default:
		_ = os.Setenv("GORACE", "atexit_sleep_ms=0") // otherwise each process takes a second to end
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestEveryServerDelivers(t *testing.T) {
	t.Parallel()
	const readers, updates = 40, 4
	for _, s := range Subjects() {
		t.Run(s.Name, func(t *testing.T) {
			if _, err := nginx.ProgramWithNchan(); err != nil && strings.HasPrefix(s.Name, "nchan-") {
				t.Log("Nchan is not installed")
				return
			}
			sample, err := measure(t.Context(), s, readers, updates, 1, "")
			if err != nil {
				t.Fatal(err)
			}
			for name, figure := range map[string]float64{
				"CPU": sample.CPU, "p50": sample.P50, "p99": sample.P99, "last": sample.Last, "last p99": sample.Last99,
				"connect": sample.Connect, "CPU of connecting": sample.ConnectCPU, "client's CPU": sample.ClientCPU,
			} {
				if figure <= 0 || figure > 1e7 {
					t.Errorf("%s is %g", name, figure)
				}
			}
			if sample.P99 < sample.P50 || sample.Last99 < sample.Last {
				t.Errorf("a percentile is less than a lower one: %+v", sample)
			}
		})
	}
}

func TestTheCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "out", "results.json")
	page := "# Title\n\n" + beginResults + "old\n" + endResults + "\nmore\n"
	if err := os.WriteFile(filepath.Join(dir, "benchmarks.md"), []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := Main(t.Context(), []string{
		"-n", "20", "-rounds", "2", "-updates", "3", "-only", "nethttp-sse", "-out", file, "-docs", dir, "-cpuprofile", dir,
	}, &out)
	if err != nil {
		t.Fatal(err, out.String())
	}
	got, err := os.ReadFile(filepath.Join(dir, "benchmarks.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# Title\n", "### 20 readers", "| bare loop of write(2) |", "goroutine and channel", "\nmore\n"} {
		if !strings.Contains(string(got), want) {
			t.Errorf("benchmarks.md lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(string(got), "old\n") {
		t.Error("benchmarks.md still has the old results")
	}
	for _, name := range []string{"benchmark-delivery.svg", "nethttp-sse-20.pprof"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	measured := out.String()[strings.Index(out.String(), "\n\n"):]
	out.Reset()
	if err := Main(t.Context(), []string{"-render", file}, &out); err != nil {
		t.Fatal(err)
	}
	if out.String() == "" || !strings.Contains(measured, "x limit") || !strings.Contains(out.String(), "x limit") {
		t.Errorf("-render prints %q", out.String())
	}
}

func TestInvalidArguments(t *testing.T) {
	for _, args := range []string{"-n 0", "-n x", "-rounds 0", "-silent 100", "-only nobody", "more", "-render /nowhere"} {
		if err := Main(t.Context(), strings.Fields(args), io.Discard); err == nil {
			t.Errorf("%s was accepted", args)
		}
	}
}

func results() *Results {
	r := &Results{When: time.Unix(0, 0).UTC(), Rounds: 3}
	for round, cpu := range []float64{4, 6, 5} {
		r.Samples = append(r.Samples,
			Sample{Subject: Limit, Readers: 10_000, Round: round + 1, CPU: cpu},
			Sample{Subject: "nchan-sse", Readers: 10_000, Round: round + 1, CPU: 10, Last99: 50},
			Sample{Subject: "ours-sse", Readers: 10_000, Round: round + 1, CPU: cpu * 1.2, Last99: 60, Idle: 2000, IdleAfter: 4000},
		)
	}
	return r
}

func TestVerdicts(t *testing.T) {
	want := map[string]bool{ // by figure, server to compare with and value
		"CPU per delivery limit 1.2": true, "CPU per delivery nchan-sse 0.6": true, "p99 of the last reader nchan-sse 1.2": false,
		"memory per idle reader  4": false, "CPU per connection  0": true,
	}
	got := results().Verdicts()
	for _, v := range got {
		about := fmt.Sprintf("%s %s %g", v.Name, v.To, round(v.Got.Median))
		pass, ok := want[about]
		if !ok || pass != v.Pass || v.Readers != 10_000 || v.Subject != "ours-sse" {
			t.Errorf("%q of %s: %v", about, v.Subject, v.Pass)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d verdicts, want %d", len(got), len(want))
	}
}

func TestSpreadOverRounds(t *testing.T) {
	r := results()
	got, _ := r.Of(Limit, 10_000, perDelivery)
	if got != (Spread{5, 4, 6, 3}) {
		t.Errorf("spread is %v", got)
	}
	r.Samples[0].Error = "lost" // a failed run does not count
	r.Samples[2].CPU = 1000     // its ratio would need the failed run
	if got, _ := r.Ratio("ours-sse", Limit, 10_000, perDelivery); got.Rounds != 2 || round(got.Max) != 1.2 {
		t.Errorf("ratio is %v", got)
	}
	if err := r.Err(); err == nil {
		t.Error("a failed run is no error")
	}
	r.Samples[0].Unavailable = true
	if err := r.Err(); err != nil {
		t.Errorf("a server that is not installed is an error: %v", err)
	}
	if got := spread([]float64{1, 4, 2, 3}); got.Median != 2.5 {
		t.Errorf("the median of four is %v", got.Median)
	}
}

func TestWrongDeliveriesAreErrors(t *testing.T) {
	for _, r := range []load.Report{{Lost: 1}, {Doubled: 1}, {Backwards: 1}, {Closed: 1}} {
		if check(r) == nil {
			t.Errorf("%+v is no error", r)
		}
	}
	if err := check(load.Report{Deliveries: 10}); err != nil {
		t.Error(err)
	}
}

func TestChartsAreXML(t *testing.T) {
	for name, c := range results().charts() {
		c.Title += ` <&">`
		svg, err := c.SVG()
		if err != nil {
			t.Fatal(err)
		}
		d := xml.NewDecoder(strings.NewReader(svg))
		for err == nil {
			_, err = d.Token()
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v\n%s", name, err, svg)
		}
	}
}

func TestSteps(t *testing.T) {
	for most, want := range map[float64]float64{0: 1, 1: 0.2, 2.7: 0.5, 9.9: 2, 35: 5, 120: 20, 4: 1} {
		if got := niceStep(most); got != want {
			t.Errorf("steps to %g are %g, want %g", most, got, want)
		}
	}
}

// A run with -tls has tables and targets of its own, and its own part of the document.
func TestResultsOverTLS(t *testing.T) {
	r := &Results{Rounds: 1, Secure: true}
	for _, s := range []Sample{
		{Subject: plainSSE, CPU: 10, Bytes: 500, IdleGC: 1000}, {Subject: bareHandshake, CPU: 15, ConnectCPU: 500},
		{Subject: "ours-sse-tls", CPU: 13, ConnectCPU: 550, IdleGC: 5000}, {Subject: "ours-sse-tls-goroutines", CPU: 20},
		{Subject: "ours-sse-h2-20", CPU: 28}, {Subject: "ours-sse-gzip", CPU: 10, Bytes: 300, IdleGC: 1000},
	} {
		s.Round, s.Readers = 1, 5000
		r.Samples = append(r.Samples, s)
	}
	want := map[string]bool{ // by server, figure, server to compare with and bound
		"ours-sse-tls CPU per delivery ours-sse 1.35": true, "ours-sse-tls CPU per delivery ours-sse 1.15": false,
		"ours-sse-tls CPU per delivery ours-sse-tls-goroutines 0.9": true,
		"ours-sse-tls CPU per delivery ours-sse-tls-goroutines 0.7": true,
		"ours-sse-tls CPU per connection limit-tls 1.2":             true,
		"ours-sse-tls memory per idle reader, after GC  6":          true, "ours-sse-tls memory per idle reader, after GC  4": false,
		"ours-sse-h2-20 CPU per delivery ours-sse-tls-goroutines 1.3": false,
		"ours-sse-gzip CPU per delivery ours-sse 1.05":                true, "ours-sse-gzip bytes per delivery ours-sse 0.65": true,
	}
	got := r.Verdicts()
	for _, v := range got {
		about := fmt.Sprintf("%s %s %s %g", v.Subject, v.Name, v.To, v.Most)
		if pass, ok := want[about]; !ok || pass != v.Pass {
			t.Errorf("%q: %v", about, v.Pass)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d verdicts, want %d", len(got), len(want))
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "benchmarks.md")
	if err := os.WriteFile(path, []byte(beginResults+"plain\n"+endResults+beginSecure+"old\n"+endSecure+"more\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.document(dir); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"plain\n", "| x handshake |", "### 5,000 readers", "1.30", "1.10", "more\n"} {
		if !strings.Contains(string(page), part) {
			t.Errorf("benchmarks.md lacks %q:\n%s", part, page)
		}
	}
	if strings.Contains(string(page), "old\n") {
		t.Error("benchmarks.md still has the old results")
	}
}
