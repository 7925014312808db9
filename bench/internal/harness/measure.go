//go:build linux

// Package harness runs servers in turns, and measures what a delivery, a connection and an idle reader cost in proportion to
// the limit. Each server and the load client is a process of its own.
package harness

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/motacilla-live/motacilla/internal/load"
	"github.com/motacilla-live/motacilla/internal/process"
)

// Sample is the result of one run of one server.
type Sample struct {
	Subject     string    `json:"subject"`
	Readers     int       `json:"readers"`
	Round       int       `json:"round"`
	Updates     int       `json:"updates"`            // how many were measured
	CPU         float64   `json:"cpu_us"`             // of the server per delivery; with polls, with the next request
	P50         float64   `json:"p50_ms"`             // from the start of the write to the receipt, over all deliveries
	P99         float64   `json:"p99_ms"`             //
	Last        float64   `json:"last_ms"`            // until the last reader has an update, median of the updates
	Last99      float64   `json:"last_p99_ms"`        // the same, 99th percentile
	Lasts       []float64 `json:"lasts_ms"`           // the same, of each update
	Connect     float64   `json:"connect_s"`          // until all readers are connected, or have asked
	ConnectCPU  float64   `json:"connect_cpu_us"`     // of the server per connection
	Idle        float64   `json:"idle_bytes"`         // memory per connected reader
	IdleAfter   float64   `json:"idle_after_1_bytes"` // the same, after the first update
	IdleGC      float64   `json:"idle_gc_bytes"`      // at the end, after a garbage collection
	Bytes       float64   `json:"bytes,omitempty"`    // of a delivery by server-sent events, without TLS and heads
	ClientCPU   float64   `json:"client_cpu_us"`      // of the load client per delivery, including connecting
	Error       string    `json:"error,omitempty"`
	Unavailable bool      `json:"unavailable,omitempty"` // the server did not start
}

const (
	warmUp   = 2           // updates before the measured ones
	patience = time.Minute // ends a run that hangs
	settling = 2 * time.Second
)

// measure runs a server with so many readers, and measures updates. silent of the readers never read.
func measure(ctx context.Context, s Subject, readers, updates, silent int, profile string) (Sample, error) {
	sample := Sample{Subject: s.Name, Readers: readers, Updates: updates}
	if profile != "" {
		profile = filepath.Join(profile, fmt.Sprintf("%s-%d.pprof", s.Name, readers))
	}
	srv, err := s.begin(ctx, profile)
	if err != nil {
		sample.Unavailable = true
		return sample, err
	}
	defer srv.stop()
	c, err := startClient(ctx)
	if err != nil {
		return sample, err
	}
	defer c.stop()
	pids, err := srv.pids()
	if err != nil {
		return sample, err
	}
	m := &meter{group: pids, srv: srv, client: c, sample: &sample}
	if err := m.connect(s, silent); err != nil {
		return sample, err
	}
	return sample, m.deliver(ctx)
}

// meter measures one run.
type meter struct {
	group  process.Group
	srv    served
	client *client
	sample *Sample
	memory int64 // of the server without readers
	seq    int
	err    error
}

// cpu, bytes and settle keep errors, which connect and deliver return.
func (m *meter) cpu() time.Duration {
	used, err := m.group.CPU()
	m.err = errors.Join(m.err, err)
	return used
}

func (m *meter) bytes() int64 {
	n, err := m.group.Memory()
	m.err = errors.Join(m.err, err)
	return n
}

func (m *meter) settle() { m.err = errors.Join(m.err, m.group.Settle(settling)) }

func (m *meter) connect(s Subject, silent int) error {
	m.settle()
	m.memory = m.bytes()
	before := m.cpu()
	ready := m.srv.ready()
	spec := s.over
	if spec.Streams > 0 { // a reader that never reads would stop the others of its connection
		silent = 0
	}
	spec.Addr, spec.Mode, spec.Path, spec.Since = ready.Addr, s.Mode, ready.Path, ready.Since
	spec.Readers, spec.Updates, spec.First, spec.Silent = m.sample.Readers, warmUp+m.sample.Updates, warmUp+1, silent
	reply, err := m.client.do(load.Command{Do: "connect", Timeout: patience, Spec: &spec})
	if err != nil {
		return err
	}
	m.settle()
	readers := float64(m.sample.Readers)
	m.sample.Connect = reply.Took.Seconds()
	m.sample.ConnectCPU = micros(m.cpu()-before) / readers
	m.sample.Idle = float64(m.bytes()-m.memory) / readers
	return m.err
}

func (m *meter) deliver(ctx context.Context) error {
	var before time.Duration
	for m.seq < warmUp+m.sample.Updates {
		m.seq++
		if m.seq == warmUp+1 {
			before = m.cpu()
		}
		if err := m.update(ctx); err != nil {
			return err
		}
		if m.seq == 1 {
			m.sample.IdleAfter = float64(m.bytes()-m.memory) / float64(m.sample.Readers)
		}
	}
	used := m.cpu() - before
	if err := m.srv.collect(); err != nil {
		return err
	}
	m.settle()
	m.sample.IdleGC = float64(m.bytes()-m.memory) / float64(m.sample.Readers)
	reply, err := m.client.do(load.Command{Do: "report"})
	if err != nil {
		return err
	}
	if reply.Report == nil {
		return errors.New("the load client has nothing to report")
	}
	m.figures(*reply.Report, used, reply.CPU)
	return errors.Join(m.err, check(*reply.Report))
}

// update publishes an update, and returns when all readers have it and the server is idle.
func (m *meter) update(ctx context.Context) error {
	await := load.Command{Do: "await", Seq: m.seq, Timeout: patience}
	if waiting, err := m.client.do(await); err != nil || !waiting.Waiting {
		return errors.Join(err, m.err)
	}
	stamp, err := process.Now()
	if err != nil {
		return err
	}
	if err := m.srv.publish(ctx, m.seq, stamp); err != nil {
		return err
	}
	if _, err := m.client.reply("await"); err != nil {
		return err
	}
	m.settle()
	return m.err
}

func (m *meter) figures(r load.Report, used, client time.Duration) {
	s := m.sample
	counted := float64(len(r.Last)) * float64(r.Deliveries) / float64(m.seq)
	s.CPU = micros(used) / counted
	s.ClientCPU = micros(client) / float64(r.Deliveries)
	s.Bytes = float64(r.Bytes) / counted
	s.P50, s.P99 = millis(r.P50), millis(r.P99)
	for _, last := range r.Last {
		s.Lasts = append(s.Lasts, millis(last))
	}
	slices.Sort(r.Last)
	s.Last, s.Last99 = millis(load.Quantile(r.Last, 0.5)), millis(load.Quantile(r.Last, 0.99))
}

// check returns an error if readers did not receive each update once and in order.
func check(r load.Report) error {
	if r.Lost+r.Doubled+r.Backwards+r.Closed == 0 {
		return nil
	}
	return fmt.Errorf("of %d deliveries %d lost, %d doubled, %d with a revision that went back; %d connections ended %s",
		r.Deliveries, r.Lost, r.Doubled, r.Backwards, r.Closed, r.Fault)
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
