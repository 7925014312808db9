//go:build linux

package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla/bench/internal/load"
	"github.com/motacilla-live/motacilla/bench/internal/server"
)

// ScaleResults are those of one run with many nodes.
type ScaleResults struct {
	When     time.Time       `json:"when"`
	Machine  Machine         `json:"machine"`
	Versions []string        `json:"versions"` // of the stores' servers
	Samples  []ScaleSample   `json:"samples"`
	Channels []ChannelSample `json:"channels"`
}

// ScaleSample is what one number of nodes over one store has shown.
type ScaleSample struct {
	Store string `json:"store"`
	Nodes int    `json:"nodes"`

	// With one reader on each node, who costs next to nothing.
	IdleCPU   float64 `json:"idle_cpu_us"`   // of a node, per second
	IdleStore float64 `json:"idle_store_us"` // of the store, per second
	IdleReads float64 `json:"idle_reads"`    // of the store, per second and node
	WriterCPU float64 `json:"writer_cpu_us"` // of the node that writes, per update
	OtherCPU  float64 `json:"other_cpu_us"`  // of each other node, per update
	StoreCPU  float64 `json:"store_cpu_us"`  // of the store, per update
	Reads     float64 `json:"reads"`         // of the store, per update and node, beside those when idle
	OwnP50    float64 `json:"own_p50_ms"`    // from the start of the write to a reader of the node that writes
	OwnP99    float64 `json:"own_p99_ms"`
	OtherP50  float64 `json:"other_p50_ms"` // and of the others
	OtherP99  float64 `json:"other_p99_ms"`

	// With a crowd that is spread over the nodes.
	Readers    int     `json:"readers"`
	CPU        float64 `json:"cpu_us"` // of all nodes, per delivery
	CrowdStore float64 `json:"crowd_store_us"`
	CrowdReads float64 `json:"crowd_reads"`
	ConnectCPU float64 `json:"connect_cpu_us"`
	Idle       float64 `json:"idle_bytes"`     // of the nodes' memory, per reader
	Kernel     float64 `json:"kernel_bytes"`   // of the kernel's, per reader, for both ends of the connection
	CrowdP50   float64 `json:"crowd_p50_ms"`   // from the start of the write to the receipt, over all nodes
	CrowdP99   float64 `json:"crowd_p99_ms"`   // of the slowest node's readers
	RowRate    float64 `json:"row_rate"`       // writes per second, one after the other without a pause
	RowCPU     float64 `json:"row_cpu_us"`     // of all nodes, per write
	RowStore   float64 `json:"row_store_us"`   // of the store, per write
	RowReads   float64 `json:"row_reads"`      // of the store, per write and node
	RowSent    float64 `json:"row_deliveries"` // updates that a reader gets, per write
	Error      string  `json:"error,omitempty"`
}

// ChannelSample is what many channels with one reader each, on one node, have shown. All is per channel.
type ChannelSample struct {
	Store      string  `json:"store"`
	Channels   int     `json:"channels"`
	OpenCPU    float64 `json:"open_cpu_us"` // of the node, with the reader's connection and its first answer
	OpenStore  float64 `json:"open_store_us"`
	OpenReads  float64 `json:"open_reads"`
	Memory     float64 `json:"bytes"`       // with its reader
	IdleCPU    float64 `json:"idle_cpu_us"` // per second
	IdleStore  float64 `json:"idle_store_us"`
	WriteCPU   float64 `json:"write_cpu_us"` // of the node, per post, with its delivery
	WriteStore float64 `json:"write_store_us"`
	Error      string  `json:"error,omitempty"`
}

const (
	scaleReaders = 8000
	scaleUpdates = 100 // with one reader per node; with a crowd, a third of it
	scaleIdle    = 3 * time.Second
	rowPosts     = 300
)

// scaleOptions are those of the options that -scale uses.
type scaleOptions struct {
	nodes    []int
	stores   []string
	readers  int
	updates  int
	idle     time.Duration
	channels []int
}

func parseScale(nodes, stores string, o options) (scaleOptions, error) {
	s := scaleOptions{
		readers: o.readers[len(o.readers)-1], updates: o.updates, idle: scaleIdle, channels: []int{1000, 5000},
		stores: strings.Split(stores, ","),
	}
	if s.updates == 0 {
		s.updates = scaleUpdates
	}
	for part := range strings.SplitSeq(nodes, ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 || n > s.readers {
			return s, fmt.Errorf("-nodes: %q is no number of nodes for %d readers", part, s.readers)
		}
		s.nodes = append(s.nodes, n)
	}
	for _, store := range s.stores {
		if !slices.Contains(backends(), store) {
			return s, fmt.Errorf("-store: there is no %q, but %s", store, strings.Join(backends(), " and "))
		}
	}
	return s, nil
}

// mainScale is the command with -scale.
func mainScale(ctx context.Context, o options, out io.Writer) error {
	r := new(ScaleResults)
	if o.render != "" {
		data, err := os.ReadFile(o.render)
		if err == nil {
			err = json.Unmarshal(data, r)
		}
		if err != nil {
			return fmt.Errorf("read results %s: %w", o.render, err)
		}
	} else {
		if err := files(max(o.scale.readers, slices.Max(o.scale.channels))); err != nil {
			return err
		}
		r.When, r.Machine = time.Now().UTC().Truncate(time.Second), thisMachine()
		r.Machine.Nginx = "" // has no part in it
		for _, store := range o.scale.stores {
			if err := r.measure(ctx, store, o.scale, out); err != nil {
				return err
			}
		}
	}
	r.Print(out)
	if o.out != "" {
		if err := writeJSON(o.out, r); err != nil {
			return err
		}
	}
	if o.docs != "" {
		if err := replace(filepath.Join(o.docs, "scaling.md"), r.section()); err != nil {
			return err
		}
	}
	return r.Err()
}

// Err is what went wrong with what was measured.
func (r *ScaleResults) Err() error {
	var all []error
	for _, s := range r.Samples {
		if s.Error != "" {
			all = append(all, fmt.Errorf("%s, %d nodes: %s", s.Store, s.Nodes, s.Error))
		}
	}
	for _, s := range r.Channels {
		if s.Error != "" {
			all = append(all, fmt.Errorf("%s, %d channels: %s", s.Store, s.Channels, s.Error))
		}
	}
	return errors.Join(all...)
}

func (r *ScaleResults) measure(ctx context.Context, store string, o scaleOptions, out io.Writer) (err error) {
	b, err := startBackend(ctx, store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	r.Versions = append(r.Versions, b.version)
	for _, nodes := range o.nodes {
		s := ScaleSample{Store: store, Nodes: nodes, Readers: o.readers / nodes * nodes}
		if err := s.measure(ctx, b, o); err != nil {
			s.Error = err.Error()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.Samples = append(r.Samples, s)
		fmt.Fprintf(out, "%-8s %d nodes: %.2f us/delivery, %.0f us/update and other node, store %.0f us/update, %.2f reads, other p99 %.1f ms %s\n",
			store, nodes, s.CPU, s.OtherCPU, s.StoreCPU, s.Reads, s.OtherP99, s.Error)
	}
	for _, channels := range o.channels {
		s := ChannelSample{Store: store, Channels: channels}
		if err := s.measure(ctx, b, o.idle); err != nil {
			s.Error = err.Error()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.Channels = append(r.Channels, s)
		fmt.Fprintf(out, "%-8s %d channels: %.1f kB, %.1f us/s idle, store %.1f us/s %s\n",
			store, channels, s.Memory/1000, s.IdleCPU, s.IdleStore, s.Error)
	}
	return nil
}

func (s *ScaleSample) measure(ctx context.Context, b *backend, o scaleOptions) error {
	c, err := startCluster(ctx, b, s.Nodes)
	if err != nil {
		return err
	}
	defer c.stop()
	if err := s.few(ctx, c, o); err != nil {
		return fmt.Errorf("one reader per node: %w", err)
	}
	c.leave()
	if err := s.crowd(ctx, c, o); err != nil {
		return fmt.Errorf("%d readers: %w", s.Readers, err)
	}
	return nil
}

// few measures with one reader on each node.
func (s *ScaleSample) few(ctx context.Context, c *cluster, o scaleOptions) error {
	if err := c.connect(ctx, fmt.Sprintf("few%d-", s.Nodes), 1, warmUp+o.updates, warmUp+1); err != nil {
		return err
	}
	if err := c.updates(ctx, warmUp); err != nil {
		return err
	}
	idle, err := c.during(ctx, func() error { return rest(ctx, o.idle) })
	if err != nil {
		return err
	}
	used, err := c.during(ctx, func() error { return c.updates(ctx, o.updates) })
	if err != nil {
		return err
	}
	s.fewFigures(idle, used, o.updates)
	reports, err := c.reports()
	if err != nil {
		return err
	}
	s.OwnP50, s.OwnP99 = slowest(reports[:1])
	s.OtherP50, s.OtherP99 = slowest(reports[1:])
	return nil
}

// fewFigures are per update what goes beyond what was used when nothing happened.
func (s *ScaleSample) fewFigures(idle, used usage, updates int) {
	nodes, n := float64(len(used.nodes)), float64(updates)
	s.IdleCPU = micros(idle.sum()) / idle.at.Seconds() / nodes
	s.IdleStore = micros(idle.store) / idle.at.Seconds()
	s.IdleReads = idle.reads / idle.at.Seconds() / nodes
	beyond := func(used, idlePerSecond, at float64) float64 { return max(used-idlePerSecond*at, 0) / n }
	at := used.at.Seconds()
	s.WriterCPU = beyond(micros(used.nodes[0]), s.IdleCPU, at)
	if nodes > 1 {
		s.OtherCPU = beyond(micros(used.sum()-used.nodes[0])/(nodes-1), s.IdleCPU, at)
	}
	s.StoreCPU = beyond(micros(used.store), s.IdleStore, at)
	s.Reads = beyond(used.reads/nodes, s.IdleReads, at)
}

// slowest are the percentiles of the node whose readers waited longest; 0 where there is none.
func slowest(reports []load.Report) (p50, p99 float64) {
	for _, r := range reports {
		p50, p99 = max(p50, millis(r.P50)), max(p99, millis(r.P99))
	}
	return p50, p99
}

// crowd measures with many readers, spread over the nodes.
func (s *ScaleSample) crowd(ctx context.Context, c *cluster, o scaleOptions) error {
	updates := max(o.updates/3, 2)
	readers := float64(s.Readers)
	before, err := c.group().Memory()
	if err != nil {
		return err
	}
	slab, err := kernelMemory()
	if err != nil {
		return err
	}
	joined, err := c.during(ctx, func() error {
		err := c.connect(ctx, fmt.Sprintf("crowd%d-", s.Nodes), s.Readers/s.Nodes, warmUp+updates+rowPosts, warmUp+1)
		return errors.Join(err, c.settle())
	})
	if err != nil {
		return err
	}
	after, err := c.group().Memory()
	if err != nil {
		return err
	}
	slabAfter, err := kernelMemory()
	if err != nil {
		return err
	}
	s.ConnectCPU = micros(joined.sum()) / readers
	s.Idle, s.Kernel = float64(after-before)/readers, float64(slabAfter-slab)/readers
	if err := c.updates(ctx, warmUp); err != nil {
		return err
	}
	used, err := c.during(ctx, func() error { return c.updates(ctx, updates) })
	if err != nil {
		return err
	}
	s.CPU = micros(used.sum()) / readers / float64(updates)
	s.CrowdStore = max(micros(used.store)-s.IdleStore*used.at.Seconds(), 0) / float64(updates)
	s.CrowdReads = max(used.reads/float64(s.Nodes)-s.IdleReads*used.at.Seconds(), 0) / float64(updates)
	reports, err := c.reports()
	if err != nil {
		return err
	}
	s.CrowdP50, s.CrowdP99 = slowest(reports)
	var done server.Done
	row, err := c.during(ctx, func() error {
		done, err = c.deliver(server.Order{Do: "write", Channel: c.channel, Posts: rowPosts})
		return err
	})
	if err != nil {
		return fmt.Errorf("%d writes without a pause: %w", rowPosts, err)
	}
	s.RowRate = rowPosts / done.Took.Seconds()
	s.RowCPU, s.RowStore = micros(row.sum())/rowPosts, micros(row.store)/rowPosts
	s.RowReads = max(row.reads/float64(s.Nodes)-s.IdleReads*row.at.Seconds(), 0) / rowPosts
	s.RowSent = row.deliveries / readers / rowPosts
	_, err = c.reports()
	return err
}

// updates writes some to the channel of the readers, each when all have the one before.
func (c *cluster) updates(ctx context.Context, n int) error {
	for range n {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, err := c.deliver(server.Order{Do: "write", Channel: c.channel, Posts: 1}); err != nil {
			return err
		}
	}
	return nil
}

func (s *ChannelSample) measure(ctx context.Context, b *backend, idle time.Duration) error {
	c, err := startCluster(ctx, b, 1)
	if err != nil {
		return err
	}
	defer c.stop()
	name, channels := fmt.Sprintf("ch%d-", s.Channels), float64(s.Channels)
	if _, err := c.nodes[0].order(server.Order{Do: "create", Channel: name, Channels: s.Channels}); err != nil {
		return err
	}
	if err := c.settle(); err != nil {
		return err
	}
	memory, err := c.group().Memory()
	if err != nil {
		return err
	}
	opened, err := c.during(ctx, func() error {
		all := load.Spec{Since: -1, Readers: s.Channels, Updates: 1, Channels: s.Channels} // each has a head of its own
		err := c.join(ctx, all, name)
		return errors.Join(err, c.settle())
	})
	if err != nil {
		return err
	}
	after, err := c.group().Memory()
	if err != nil {
		return err
	}
	s.OpenCPU, s.OpenStore = micros(opened.sum())/channels, micros(opened.store)/channels
	s.OpenReads, s.Memory = opened.reads/channels, float64(after-memory)/channels
	quiet, err := c.during(ctx, func() error { return rest(ctx, idle) })
	if err != nil {
		return err
	}
	s.IdleCPU, s.IdleStore = micros(quiet.sum())/quiet.at.Seconds()/channels, micros(quiet.store)/quiet.at.Seconds()/channels
	wrote, err := c.during(ctx, func() error {
		_, err := c.deliver(server.Order{Do: "spread", Channel: name, Channels: s.Channels})
		return err
	})
	if err != nil {
		return err
	}
	s.WriteCPU, s.WriteStore = micros(wrote.sum())/channels, micros(wrote.store)/channels
	_, err = c.reports()
	return err
}

func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// kernelMemory is what the kernel has allocated for its own objects, sockets among them, in bytes.
func kernelMemory() (int64, error) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if value, is := strings.CutPrefix(lines.Text(), "Slab:"); is {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(value, "kB")), 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("/proc/meminfo has no Slab")
}
