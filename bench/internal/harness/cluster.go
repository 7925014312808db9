//go:build linux

package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla/bench/internal/server"
	"github.com/motacilla-live/motacilla/internal/load"
	"github.com/motacilla-live/motacilla/internal/message"
	"github.com/motacilla-live/motacilla/internal/process"
)

// crowdPatience is how long hundreds of updates may take to reach all readers.
const crowdPatience = time.Minute

// cluster is a number of nodes with one backend. Each is a process. Posts are written to the first node.
type cluster struct {
	backend *backend
	nodes   []*node
	crowds  []*client // the readers of each node
	channel string    // name of the channel they read, without its number
	seq     int       // number of the last update
}

// node is one node of a cluster.
type node struct {
	*child
	said server.Ready
}

func startCluster(ctx context.Context, b *backend, nodes int) (_ *cluster, err error) {
	c := &cluster{backend: b}
	defer func() {
		if err != nil {
			c.stop()
		}
	}()
	for range nodes {
		child, err := start(ctx, "node")
		if err != nil {
			return nil, err
		}
		n := &node{child: child}
		c.nodes = append(c.nodes, n)
		if err := errors.Join(n.tell(server.NodeConfig{Type: b.kind, URL: b.url}), n.hear(&n.said)); err != nil {
			return nil, fmt.Errorf("start a node: %w", err)
		}
		if n.said.Error != "" {
			return nil, errors.New(n.said.Error)
		}
	}
	return c, nil
}

func (c *cluster) stop() {
	c.leave()
	for _, n := range c.nodes {
		n.stop()
	}
}

// leave disconnects all readers.
func (c *cluster) leave() {
	for _, crowd := range c.crowds {
		crowd.stop()
	}
	c.crowds = nil
}

// order sends an order to a node, and returns when the node has carried it out.
func (n *node) order(o server.Order) (server.Done, error) {
	var done server.Done
	if err := errors.Join(n.tell(o), n.hear(&done)); err != nil {
		return done, fmt.Errorf("%s: %w", o.Do, err)
	}
	if done.Error != "" {
		return done, fmt.Errorf("%s: %s", o.Do, done.Error)
	}
	return done, nil
}

// connect creates the channel name+"0", and connects so many readers of it to each node.
func (c *cluster) connect(ctx context.Context, name string, readers, updates, first int) error {
	made, err := c.nodes[0].order(server.Order{Do: "create", Channel: name, Channels: 1})
	if err != nil {
		return err
	}
	return c.join(ctx, load.Spec{Since: made.Since, Readers: readers, Updates: updates, First: first, Channels: 1}, name)
}

// join connects readers to each node, spread over the channels whose names are name and a number.
func (c *cluster) join(ctx context.Context, spec load.Spec, name string) error {
	c.channel, c.seq = name, 0
	for _, n := range c.nodes {
		crowd, err := startClient(ctx)
		if err != nil {
			return err
		}
		c.crowds = append(c.crowds, crowd)
		spec.Addr, spec.Mode = n.said.Addr, load.SSE
		spec.Path = strings.Replace(n.said.Path, string(message.Channel), name+"{n}", 1)
		if _, err := crowd.do(load.Command{Do: "connect", Timeout: crowdPatience, Spec: &spec}); err != nil {
			return err
		}
	}
	return nil
}

// deliver sends an order to the first node, and returns when all readers have the last post.
func (c *cluster) deliver(o server.Order) (server.Done, error) {
	o.Seq = c.seq + 1
	c.seq += max(o.Posts, 1)
	for _, crowd := range c.crowds {
		if reply, err := crowd.do(load.Command{Do: "await", Seq: c.seq, Timeout: crowdPatience}); err != nil || !reply.Waiting {
			return server.Done{}, errors.Join(err, errors.New("readers already have the next update"))
		}
	}
	var err error
	if o.Stamp, err = process.Now(); err != nil {
		return server.Done{}, err
	}
	done, err := c.nodes[0].order(o)
	if err != nil {
		return done, err
	}
	for i, crowd := range c.crowds {
		if _, err := crowd.reply("await"); err != nil {
			return done, fmt.Errorf("node %d: %w", i+1, err)
		}
	}
	return done, c.settle()
}

// reports returns what the readers of each node received. An update that is lost or doubled is an error.
func (c *cluster) reports() ([]load.Report, error) {
	var all []load.Report
	for _, crowd := range c.crowds {
		reply, err := crowd.do(load.Command{Do: "report"})
		if err != nil {
			return nil, err
		}
		if reply.Report == nil {
			return nil, errors.New("the load client has nothing to report")
		}
		if err := check(*reply.Report); err != nil {
			return nil, err
		}
		all = append(all, *reply.Report)
	}
	return all, nil
}

func (c *cluster) group() process.Group {
	var pids process.Group
	for _, n := range c.nodes {
		pids = append(pids, n.cmd.Process.Pid)
	}
	return pids
}

func (c *cluster) settle() error { return c.group().Settle(settling) }

// usage is what the nodes and the store have used, in total or since an earlier usage.
type usage struct {
	at         time.Duration // CLOCK_MONOTONIC
	nodes      []time.Duration
	store      time.Duration
	reads      float64 // reads of the store by all nodes
	deliveries float64
}

// usage reads the counters first or last, so that the cost of reading them is not part of a difference.
func (c *cluster) usage(ctx context.Context, countersFirst bool) (u usage, err error) {
	counters := func() error {
		for _, n := range c.nodes {
			got, err := scrape(ctx, n.said.Addr)
			if err != nil {
				return err
			}
			u.reads += got["motacilla_store_reads_total"]
			u.deliveries += got["motacilla_deliveries_total"]
		}
		return nil
	}
	if countersFirst {
		if err := errors.Join(counters(), c.settle()); err != nil {
			return u, err
		}
	}
	now, err := process.Now()
	if err != nil {
		return u, err
	}
	u.at = time.Duration(now)
	for _, pid := range c.group() {
		used, err := (process.Group{pid}).CPU()
		if err != nil {
			return u, err
		}
		u.nodes = append(u.nodes, used)
	}
	if u.store, err = c.backend.cpu(); err != nil {
		return u, err
	}
	if !countersFirst {
		err = counters()
	}
	return u, err
}

// during returns what is used while do runs.
func (c *cluster) during(ctx context.Context, do func() error) (usage, error) {
	before, err := c.usage(ctx, true)
	if err != nil {
		return usage{}, err
	}
	if err := do(); err != nil {
		return usage{}, err
	}
	after, err := c.usage(ctx, false)
	return after.since(before), err
}

func (u usage) since(before usage) usage {
	d := usage{
		at: u.at - before.at, store: u.store - before.store, reads: u.reads - before.reads, deliveries: u.deliveries - before.deliveries,
	}
	for i := range u.nodes {
		d.nodes = append(d.nodes, u.nodes[i]-before.nodes[i])
	}
	return d
}

// sum returns the CPU time of all nodes.
func (u usage) sum() (sum time.Duration) {
	for _, used := range u.nodes {
		sum += used
	}
	return sum
}

// scrape reads the /metrics of a node. Values of one name are added, whatever their labels.
func scrape(ctx context.Context, addr string) (map[string]float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("read metrics: %s", resp.Status), err)
	}
	return parseMetrics(string(text))
}

// parseMetrics reads the text format of Prometheus and returns the sum of each name.
func parseMetrics(text string) (map[string]float64, error) {
	all := make(map[string]float64)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("metric %q: %w", line, err)
		}
		name, _, _ := strings.Cut(line[:at], "{")
		all[name] += value
	}
	return all, nil
}
