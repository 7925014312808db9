//go:build linux

package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestManyNodes measures every figure with every store. Servers and nodes are real.
func TestManyNodes(t *testing.T) {
	t.Parallel()
	for _, store := range backends() {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			r := new(ScaleResults)
			o := scaleOptions{
				nodes: []int{1, 3}, stores: []string{store}, readers: 9, updates: 6, idle: 200 * time.Millisecond, channels: []int{20},
			}
			err := r.measure(t.Context(), store, o, io.Discard)
			if errors.Is(err, errNotInstalled) && os.Getenv("CI") == "" {
				t.Skip(err)
			}
			if err = errors.Join(err, r.Err()); err != nil {
				t.Fatal(err)
			}
			for _, s := range r.Samples {
				// What an idle node reads, and what is more than that, depends on how fast the machine is.
				figures := map[string]float64{
					"own p50": s.OwnP50, "CPU": s.CPU, "connect": s.ConnectCPU, "crowd p99": s.CrowdP99,
				}
				for crowd, row := range map[string]Row{"few": s.FewRow, "crowd": s.CrowdRow} {
					figures[crowd+" rate"], figures[crowd+" CPU"] = row.Rate, row.CPU
					figures[crowd+" store"], figures[crowd+" sent"] = row.Store, row.Sent
				}
				if s.Nodes > 1 {
					figures["other p50"], figures["other p99"] = s.OtherP50, s.OtherP99
				}
				for name, f := range figures {
					if f <= 0 || f > 1e7 {
						t.Errorf("%d nodes: %s is %g", s.Nodes, name, f)
					}
				}
				if s.CrowdRow.Sent > 1 {
					t.Errorf("%d nodes deliver too much: %+v", s.Nodes, s)
				}
			}
			if len(r.Samples) != 2 || len(r.Channels) != 1 || r.Channels[0].OpenReads < 1 || r.Channels[0].WriteCPU <= 0 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestIdleCostIsSubtracted(t *testing.T) {
	us := time.Microsecond
	var s ScaleSample
	s.fewFigures(
		usage{at: 2 * time.Second, nodes: []time.Duration{3000 * us, 1000 * us, 2000 * us}, store: 4000 * us, reads: 6},
		usage{at: time.Second, nodes: []time.Duration{9000 * us, 2000 * us, 4000 * us}, store: 12_000 * us, reads: 33}, 10,
	)
	want := ScaleSample{
		IdleCPU: 1000, IdleStore: 2000, IdleReads: 1, WriterCPU: 800, OtherCPU: 200, StoreCPU: 1000, Reads: 1,
	}
	if s != want {
		t.Errorf("figures are %+v, want %+v", s, want)
	}
}

func scaleResults() *ScaleResults {
	r := &ScaleResults{When: time.Unix(0, 0).UTC(), Versions: []string{"PostgreSQL 15"}}
	for _, nodes := range []int{4, 1, 2} {
		n := float64(nodes)
		r.Samples = append(r.Samples, ScaleSample{
			Store: "postgres", Nodes: nodes, Readers: 8000, CPU: 4 + n/2, ConnectCPU: 40, Idle: 3000 * n, Kernel: 5000,
			OtherCPU: 100 * n, StoreCPU: 400 + 100*(n-1), IdleStore: 500 * n, Reads: 1, IdleReads: 1,
		})
	}
	r.Samples = append(r.Samples, ScaleSample{Store: "postgres", Nodes: 8, Error: "lost", StoreCPU: 1e9})
	r.Channels = []ChannelSample{{Store: "postgres", Channels: 5000, Memory: 19_000}}
	return r
}

func TestUnits(t *testing.T) {
	got, _ := scaleResults().units("postgres")
	want := unit{
		Delivery: 5, Connection: 40, Memory: 5500, Update: 400, Store: 100, Write: 400, Second: 500, Reads: 1, IdleReads: 1,
	}
	if got != want {
		t.Errorf("units are %+v, want %+v", got, want)
	}
	if _, ok := scaleResults().units("redis"); ok {
		t.Error("units of a store that was not measured")
	}
}

func TestPlans(t *testing.T) {
	u, _ := scaleResults().units("postgres")
	got := u.plan(10_000_000)
	// 120 Gbit/s at 5 per node need 24 nodes. One more may fail.
	want := plan{
		Readers: 10_000_000, Cores: 50, Memory: 55e9, Short: 48e9, Long: 120e9, Nodes: 25, For: "egress", Reads: 50,
		Store: (400 + 24*100 + 25*500) / 1e6, Loss: 10e6 / 25 / 24 * 40 / 1e6 / 8, Return: 10e6 / 25 * 40 / 1e6 / 8,
	}
	if fmt.Sprintf("%.6v", got) != fmt.Sprintf("%.6v", want) {
		t.Errorf("plan is %+v, want %+v", got, want)
	}
	for change, because := range map[*unit]string{
		{Delivery: 100}: "cores", {Memory: 1e6}: "memory", {Delivery: 1}: "egress",
	} {
		if p := change.plan(1_000_000); p.For != because {
			t.Errorf("%+v: %d nodes because of %s, want %s", change, p.Nodes, p.For, because)
		}
	}
}

func TestFigures(t *testing.T) {
	for f, want := range map[float64]string{0: "0", -1: "0", 0.0123: "0.012", 0.5: "0.50", 1: "1.0", 9.96: "10.0", 12.6: "13", 1234: "1234"} {
		if got := figure(f); got != want {
			t.Errorf("%g is %s, want %s", f, got, want)
		}
	}
	for f, want := range map[float64]string{5: "5.0 B", 1500: "1.5 kB", 55e9: "55 GB", 2e12: "2.0 TB"} {
		if got := quantity(f, "B"); got != want {
			t.Errorf("%g is %s, want %s", f, got, want)
		}
	}
	if got := thousands(10_002_003); got != "10,002,003" {
		t.Errorf("10002003 is %s", got)
	}
}

func TestMetricsAreSummed(t *testing.T) {
	got, err := parseMetrics("# HELP a Text 7\n# TYPE a counter\na{publisher=\"sse\"} 3\na{publisher=\"web socket\"} 4\nb 1.5e+03\n\n")
	if err != nil || got["a"] != 7 || got["b"] != 1500 || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := parseMetrics("a b\n"); err == nil {
		t.Error("a value that is not a number was accepted")
	}
}

func TestScaleIsShownAgain(t *testing.T) {
	dir := t.TempDir()
	file, page := filepath.Join(dir, "scale.json"), filepath.Join(dir, "scaling.md")
	if err := writeJSON(file, scaleResults()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(page, []byte("# Title\n\n"+beginResults+"old\n"+endResults+"\nmore\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := Main(t.Context(), []string{"-scale", "-render", file, "-docs", dir}, &out)
	if err == nil || !strings.Contains(err.Error(), "8 nodes: lost") {
		t.Errorf("the error is %v", err)
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# Title\n", "\nmore\n", "### PostgreSQL: many readers\n", "| 5,000 | 19 |", "| 10,000,000 | 50 |", "| 4 | 0 | 400 |",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("scaling.md lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(string(got), "old\n") || strings.Contains(string(got), "Redis") || !strings.Contains(out.String(), "calculated") {
		t.Errorf("old or unmeasured results are shown:\n%s\n%s", got, out.String())
	}
}

func TestScaleArguments(t *testing.T) {
	for _, args := range []string{
		"-scale -nodes 0", "-scale -nodes x", "-scale -n 2 -nodes 4", "-scale -store sqlite", "-nodes 2", "-store redis",
	} {
		if err := Main(t.Context(), strings.Fields(args), io.Discard); err == nil {
			t.Errorf("%s was accepted", args)
		}
	}
	o, err := parse([]string{"-scale"})
	if err != nil || o.scale.readers != 8000 || o.scale.updates != 100 || len(o.scale.nodes) != 3 || len(o.scale.stores) != 2 {
		t.Errorf("defaults: %+v, %v", o.scale, err)
	}
}
