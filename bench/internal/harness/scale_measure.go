//go:build linux

package harness

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla/bench/internal/server"
	"github.com/motacilla-live/motacilla/internal/load"
)

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
	if err := c.connect(ctx, fmt.Sprintf("few%d-", s.Nodes), 1, warmUp+o.updates+rowPosts, warmUp+1); err != nil {
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
	s.FewRow, err = c.row(ctx, s.IdleReads, float64(s.Nodes))
	return err
}

// fewFigures sets the figures per update. What an idle node and an idle store use is subtracted.
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

// slowest returns the percentiles of the node whose readers waited longest, or 0 without reports.
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
	s.CrowdRow, err = c.row(ctx, s.IdleReads, readers)
	return err
}

// row measures writes without a pause. readers is the number of readers on all nodes.
func (c *cluster) row(ctx context.Context, idleReads, readers float64) (r Row, err error) {
	var done server.Done
	used, err := c.during(ctx, func() (err error) {
		done, err = c.deliver(server.Order{Do: "write", Channel: c.channel, Posts: rowPosts})
		return err
	})
	if err != nil {
		return r, fmt.Errorf("%d writes without a pause: %w", rowPosts, err)
	}
	_, err = c.reports()
	return Row{
		Rate: rowPosts / done.Took.Seconds(), CPU: micros(used.sum()) / rowPosts, Store: micros(used.store) / rowPosts,
		Reads: max(used.reads/float64(len(c.nodes))-idleReads*used.at.Seconds(), 0) / rowPosts,
		Sent:  used.deliveries / readers / rowPosts,
	}, err
}

// updates writes n posts to the channel of the readers. It waits until all readers have a post before it writes the next.
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

// kernelMemory returns the bytes that the kernel has allocated for its own objects, sockets among them.
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
