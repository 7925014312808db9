//go:build linux

package harness

import (
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
)

// ScaleResults are the results of one run with many nodes.
type ScaleResults struct {
	When     time.Time       `json:"when"`
	Machine  Machine         `json:"machine"`
	Versions []string        `json:"versions"` // of the database servers
	Samples  []ScaleSample   `json:"samples"`
	Channels []ChannelSample `json:"channels"`
}

// ScaleSample is the result of a number of nodes with one store.
type ScaleSample struct {
	Store string `json:"store"`
	Nodes int    `json:"nodes"`

	// With one reader on each node. Its cost is negligible.
	IdleCPU   float64 `json:"idle_cpu_us"`   // of a node, per second
	IdleStore float64 `json:"idle_store_us"` // of the store, per second
	IdleReads float64 `json:"idle_reads"`    // of the store, per second and node
	WriterCPU float64 `json:"writer_cpu_us"` // of the node that writes, per update
	OtherCPU  float64 `json:"other_cpu_us"`  // of each other node, per update
	StoreCPU  float64 `json:"store_cpu_us"`  // of the store, per update
	Reads     float64 `json:"reads"`         // of the store, per update and node, without those of an idle node
	OwnP50    float64 `json:"own_p50_ms"`    // from the start of the write to the reader of the node that writes
	OwnP99    float64 `json:"own_p99_ms"`
	OtherP50  float64 `json:"other_p50_ms"` // to the readers of other nodes
	OtherP99  float64 `json:"other_p99_ms"`

	// With many readers, spread over the nodes.
	Readers    int     `json:"readers"`
	CPU        float64 `json:"cpu_us"` // of all nodes, per delivery
	CrowdStore float64 `json:"crowd_store_us"`
	CrowdReads float64 `json:"crowd_reads"`
	ConnectCPU float64 `json:"connect_cpu_us"`
	Idle       float64 `json:"idle_bytes"`   // memory of the nodes, per reader
	Kernel     float64 `json:"kernel_bytes"` // memory of the kernel, per reader, for both ends of the connection
	CrowdP50   float64 `json:"crowd_p50_ms"` // from the start of the write to the receipt, over all nodes
	CrowdP99   float64 `json:"crowd_p99_ms"` // of the readers of the slowest node

	FewRow   Row    `json:"few_row"`   // with one reader on each node
	CrowdRow Row    `json:"crowd_row"` // with many readers
	Error    string `json:"error,omitempty"`
}

// Row is the result of writes without a pause.
type Row struct {
	Rate  float64 `json:"rate"`       // per second
	CPU   float64 `json:"cpu_us"`     // of all nodes, per write
	Store float64 `json:"store_us"`   // of the store, per write
	Reads float64 `json:"reads"`      // of the store, per write and node
	Sent  float64 `json:"deliveries"` // updates that a reader receives, per write
}

// ChannelSample is the result of many channels with one reader each, on one node. All figures are per channel.
type ChannelSample struct {
	Store      string  `json:"store"`
	Channels   int     `json:"channels"`
	OpenCPU    float64 `json:"open_cpu_us"` // of the node, including the connection of the reader and the first answer
	OpenStore  float64 `json:"open_store_us"`
	OpenReads  float64 `json:"open_reads"`
	Memory     float64 `json:"bytes"`       // including its reader
	IdleCPU    float64 `json:"idle_cpu_us"` // per second
	IdleStore  float64 `json:"idle_store_us"`
	WriteCPU   float64 `json:"write_cpu_us"` // of the node, per post, including its delivery
	WriteStore float64 `json:"write_store_us"`
	Error      string  `json:"error,omitempty"`
}

const (
	scaleReaders = 8000
	scaleUpdates = 100 // with one reader per node; a third of it with many
	scaleIdle    = 3 * time.Second
	rowPosts     = 300
)

// scaleOptions are the options of -scale.
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
			return s, fmt.Errorf("-nodes: %q is not a number of nodes for %d readers", part, s.readers)
		}
		s.nodes = append(s.nodes, n)
	}
	for _, store := range s.stores {
		if !slices.Contains(backends(), store) {
			return s, fmt.Errorf("-store: unknown store %q; known: %s", store, strings.Join(backends(), ", "))
		}
	}
	return s, nil
}

// mainScale runs the command with -scale.
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
		r.Machine.Nginx = "" // not measured here
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

// Err returns the errors of all samples.
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
		fmt.Fprintf(out, "%-8s %d nodes: %.2f us/delivery, %.0f us/update and other node, store %.0f, %.2f reads, p99 %.1f ms %s\n",
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
