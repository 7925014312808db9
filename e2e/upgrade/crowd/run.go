package crowd

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// crowd is all readers of a process.
type crowd struct {
	readers []*reader
	tallies map[string]*tally
	work    sync.WaitGroup
}

// Run carries out the commands of in, one on each line, until in ends. It writes a reply to each.
func Run(in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(context.Background())
	c := &crowd{tallies: make(map[string]*tally)}
	defer c.work.Wait()
	defer cancel()
	replies := json.NewEncoder(out)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var cmd Command
		if err := json.Unmarshal(lines.Bytes(), &cmd); err != nil {
			return fmt.Errorf("command: %w", err)
		}
		var reply Reply
		if err := c.do(ctx, &cmd); err != nil {
			reply.Error = err.Error()
		}
		reply.Groups = make(map[string]Report)
		for name, t := range c.tallies {
			reply.Groups[name] = t.report(cmd.Again)
		}
		if err := replies.Encode(reply); err != nil {
			return fmt.Errorf("reply: %w", err)
		}
	}
	return lines.Err()
}

func (c *crowd) do(ctx context.Context, cmd *Command) error {
	within, cancel := context.WithTimeout(ctx, cmd.Within)
	defer cancel()
	switch {
	case cmd.Connect != nil && len(c.readers) == 0:
		return c.connect(ctx, within, cmd.Connect)
	case cmd.Await != nil:
		return c.await(within, cmd.Await)
	}
	return nil
}

// mostBeginning is how many connections are made in parallel.
const mostBeginning = 50

// connect starts the readers, which read until ctx ends.
func (c *crowd) connect(ctx, within context.Context, spec *Spec) error {
	decoders := &decoder{}
	beginning := make(chan struct{}, mostBeginning)
	for i := range spec.Groups {
		g := &spec.Groups[i]
		if g.Channels > len(spec.Channels) || g.Fidgets && g.Channels < 2 || g.Channels < 1 {
			return fmt.Errorf("group %q has %d channels of %d", g.Name, g.Channels, len(spec.Channels))
		}
		t := &tally{r: Report{Readers: g.Readers}}
		c.tallies[g.Name] = t
		by := client(g)
		for n := range g.Readers {
			r := &reader{group: g, tally: t, said: decoders, http: by, ready: make(chan struct{})}
			for k := range g.Channels {
				r.views = append(r.views, &view{channel: spec.Channels[(n+k)%len(spec.Channels)]})
			}
			c.readers = append(c.readers, r)
			select {
			case beginning <- struct{}{}:
			case <-within.Done():
				return errors.New("not all readers have connected in time")
			}
			c.work.Go(func() { r.run(ctx) })
			go func() { // it ends with the process, if the reader never begins
				<-r.ready
				<-beginning
			}()
		}
	}
	for _, r := range c.readers {
		select {
		case <-r.ready:
		case <-within.Done():
			return fmt.Errorf("a reader of group %q has not connected in time", r.group.Name)
		}
	}
	return nil
}

func client(g *Group) *http.Client {
	insecure := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // a test's own certificate
	return &http.Client{Transport: &http.Transport{
		DialContext: g.dial, TLSClientConfig: insecure, ForceAttemptHTTP2: g.Kind == HTTP2,
		DisableCompression: true, MaxIdleConnsPerHost: g.Readers,
	}}
}

// await waits until each reader holds what the store holds.
func (c *crowd) await(within context.Context, truth Truth) error {
	for _, r := range c.readers {
		for {
			done, err := r.holds(truth)
			if err == nil {
				break
			}
			if done || within.Err() != nil {
				return err
			}
			pause(within, 10*time.Millisecond)
		}
	}
	return nil
}
