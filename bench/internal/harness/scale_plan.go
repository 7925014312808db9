//go:build linux

package harness

import (
	"fmt"
	"math"
	"slices"
)

// unit holds the measured costs from which plans are calculated.
type unit struct {
	Delivery   float64 // us of CPU of the nodes, per delivery
	Connection float64 // us of CPU, per connection
	Memory     float64 // bytes of the node's process and of the kernel, per idle reader
	Update     float64 // us of CPU of a node, per update, without deliveries
	Store      float64 // us of CPU of the store, per update and node, without the write
	Write      float64 // us of CPU of the store, per update on one node
	Second     float64 // us of CPU of the store, per second and node
	Reads      float64 // of the store, per update and node
	IdleReads  float64 // of the store, per second and node
}

// units returns the costs with one store: medians over the numbers of nodes, and the slope of a cost that grows with them.
func (r *ScaleResults) units(store string) (u unit, ok bool) {
	var samples []ScaleSample
	for _, s := range r.Samples {
		if s.Store == store && s.Error == "" {
			samples = append(samples, s)
		}
	}
	if len(samples) == 0 {
		return u, false
	}
	median := func(f func(ScaleSample) float64) float64 {
		var values []float64
		for _, s := range samples {
			values = append(values, f(s))
		}
		return spread(values).Median
	}
	slices.SortFunc(samples, func(a, b ScaleSample) int { return a.Nodes - b.Nodes })
	least, most := samples[0], samples[len(samples)-1]
	u = unit{
		Delivery:   median(func(s ScaleSample) float64 { return s.CPU }),
		Connection: median(func(s ScaleSample) float64 { return s.ConnectCPU }),
		Memory:     least.Idle + least.Kernel/2, // few nodes have many readers each, and so little garbage; one of two ends is the node's
		Update:     most.OtherCPU,
		Write:      least.StoreCPU,
		Second:     median(func(s ScaleSample) float64 { return s.IdleStore / float64(s.Nodes) }),
		Reads:      median(func(s ScaleSample) float64 { return s.Reads }),
		IdleReads:  median(func(s ScaleSample) float64 { return s.IdleReads }),
	}
	if more := most.Nodes - least.Nodes; more > 0 {
		u.Store = max(most.StoreCPU-least.StoreCPU, 0) / float64(more)
	}
	return u, true
}

// The assumed size of a node, and the share of it that is used in normal operation.
const (
	planCores     = 8
	planMemory    = 16e9
	planBandwidth = 10e9 // bits per second
	planFiles     = 1 << 20
	planShare     = 0.5
	planRate      = 1.0 // updates per second
	// Bytes of an update on the wire, in one segment or two. Each segment adds some 70 bytes of TCP, IP and Ethernet.
	planShort, planLong = 600.0, 1500.0
)

// plan is what so many readers of one channel need.
type plan struct {
	Readers      int
	Cores        float64 // in use
	Memory       float64 // bytes
	Short, Long  float64 // bits per second to readers, with short and long updates
	Nodes        int
	For          string  // the resource that needs the most nodes
	Reads        float64 // of the store, per second
	Store        float64 // cores of the store in use
	Loss, Return float64 // seconds of all cores of a node, after one node is lost, and after all restart
}

func (u unit) plan(readers int) plan {
	n := float64(readers)
	p := plan{
		Readers: readers, Cores: n * planRate * u.Delivery / 1e6, Memory: n * u.Memory,
		Short: n * planRate * planShort * 8, Long: n * planRate * planLong * 8,
	}
	need := 0.0
	for _, of := range []struct {
		what  string
		nodes float64
	}{
		{"cores", p.Cores / (planCores * planShare)},
		{"egress", p.Long / (planBandwidth * planShare)},
		{"memory", p.Memory / (planMemory * planShare)},
		{"open files", n / (planFiles * planShare)},
	} {
		if of.nodes > need {
			need, p.For = of.nodes, of.what
		}
	}
	p.Nodes = int(math.Ceil(need)) + 1 // one may fail
	nodes := float64(p.Nodes)
	p.Reads = nodes * (u.IdleReads + planRate*u.Reads)
	p.Store = (planRate*(u.Write+u.Store*(nodes-1)) + u.Second*nodes) / 1e6
	p.Loss = n / nodes / (nodes - 1) * u.Connection / 1e6 / planCores
	p.Return = n / nodes * u.Connection / 1e6 / planCores
	return p
}

var planColumns = []string{
	"readers", "cores in use", "memory", "egress, short", "egress, long", "nodes", "limited by", "store reads/s", "store, cores",
	"one node lost", "all restarted",
}

func (u unit) planRows() [][]string {
	var rows [][]string
	for _, readers := range []int{10_000, 100_000, 1_000_000, 10_000_000} {
		p := u.plan(readers)
		rows = append(rows, []string{
			thousands(readers), figure(p.Cores), quantity(p.Memory, "B"), quantity(p.Short, "bit/s"), quantity(p.Long, "bit/s"),
			fmt.Sprint(p.Nodes), p.For, fmt.Sprintf("%.0f", p.Reads), figure(p.Store), figure(p.Loss) + " s", figure(p.Return) + " s",
		})
	}
	return rows
}

// figure formats a number with two significant digits.
func figure(f float64) string {
	switch {
	case f <= 0:
		return "0"
	case f >= 10:
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.*f", max(1-int(math.Floor(math.Log10(f))), 0), f)
}

// quantity formats a number with its unit and a decimal prefix.
func quantity(f float64, of string) string {
	for _, prefix := range []string{"", "k", "M", "G"} {
		if f < 1000 {
			return figure(f) + " " + prefix + of
		}
		f /= 1000
	}
	return figure(f) + " T" + of
}
