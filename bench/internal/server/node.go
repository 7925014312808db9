//go:build linux

package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/app/standard"
	"github.com/motacilla-live/motacilla/internal/message"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
)

// NodeConfig is the first line that the process of a node reads. It names the store that the nodes share.
type NodeConfig struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

// Order is a line of JSON that the harness sends to the process of a node. Channel and a number name one channel of several.
type Order struct {
	Do       string `json:"do"` // "create" channels, "write" Posts one after the other, "spread" a post over each channel
	Channel  string `json:"channel"`
	Channels int    `json:"channels,omitempty"`
	Posts    int    `json:"posts,omitempty"`
	Seq      int    `json:"seq,omitempty"`   // number of the first post
	Stamp    int64  `json:"stamp,omitempty"` // when its write began
}

// Done is the answer to an order.
type Done struct {
	Error string        `json:"error,omitempty"`
	Since int64         `json:"since,omitempty"` // the revision of the channel that was made last
	Took  time.Duration `json:"took_ns,omitempty"`
}

// writers is how many create or spread at once.
const writers = 16

// RunNode is the process of one node of several: the app with server-sent events over a store that all share. It says
// that it is ready, and does what it is told until there is no more.
func RunNode(in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	lines := bufio.NewScanner(in)
	if !lines.Scan() {
		return errors.Join(errors.New("node: no configuration"), lines.Err())
	}
	var config NodeConfig
	if err := json.Unmarshal(lines.Bytes(), &config); err != nil {
		return fmt.Errorf("node: configuration: %w", err)
	}
	s, ready, err := startNode(ctx, config)
	if err != nil {
		return errors.Join(err, say(out, Ready{Error: err.Error()}))
	}
	if err := say(out, ready); err != nil {
		return err
	}
	answers := json.NewEncoder(out)
	for lines.Scan() {
		var order Order
		if err := json.Unmarshal(lines.Bytes(), &order); err != nil {
			return fmt.Errorf("node: order: %w", err)
		}
		began := time.Now()
		since, err := obey(ctx, s, order)
		done := Done{Since: since, Took: time.Since(began)}
		if err != nil {
			done.Error = err.Error()
		}
		if err := answers.Encode(done); err != nil {
			return fmt.Errorf("node: answer: %w", err)
		}
	}
	return lines.Err()
}

func startNode(ctx context.Context, c NodeConfig) (storage.Store, Ready, error) {
	config := fmt.Sprintf("server: {addr: 127.0.0.1:0, token: %s}\nlog: {level: error}\nstorage: {type: %s, url: %q}\n"+
		"publishers: [{type: sse}]\nreceivers: []\n", Token, c.Type, c.URL)
	var server *app.Server
	var store storage.Store
	a := app.New(
		standard.Module, fx.Supply(&app.Input{YAML: []byte(config), Env: []string{}}),
		fx.Supply(fx.Annotate(message.Renderer{}, fx.As(new(publisher.Renderer)))),
		fx.Populate(&server, &store),
	)
	if err := a.Start(ctx); err != nil {
		return nil, Ready{}, fmt.Errorf("start the app over %s: %w", c.Type, err)
	}
	path, err := server.URL("sse", string(message.Channel))
	if err != nil {
		return nil, Ready{}, fmt.Errorf("path of sse: %w", err)
	}
	return store, Ready{Addr: server.Addr().String(), Path: path, Since: -1}, nil
}

func obey(ctx context.Context, s storage.Writer, o Order) (since int64, err error) {
	name := func(i int) motacilla.ChannelID { return motacilla.ChannelID(fmt.Sprint(o.Channel, i)) }
	switch o.Do {
	case "create":
		heads := make([]motacilla.Revision, o.Channels)
		err := each(o.Channels, func(i int) error {
			ch, err := s.PutChannel(ctx, motacilla.Channel{ID: name(i), Title: "Bench"}, 0)
			heads[i] = ch.Head
			return err
		})
		if err != nil || o.Channels == 0 {
			return 0, err
		}
		return int64(heads[o.Channels-1]), nil
	case "write":
		for i := range o.Posts {
			if _, err := s.PutPost(ctx, name(0), message.Post(o.Seq+i, o.Stamp), 0); err != nil {
				return 0, fmt.Errorf("write %d: %w", o.Seq+i, err)
			}
		}
		return 0, nil
	case "spread":
		return 0, each(o.Channels, func(i int) error {
			_, err := s.PutPost(ctx, name(i), message.Post(o.Seq, o.Stamp), 0)
			return err
		})
	}
	return 0, fmt.Errorf("no such order: %q", o.Do)
}

// each calls do with all numbers below n, several at a time. A worker stops at its first error; each joins these errors.
func each(n int, do func(i int) error) error {
	var working sync.WaitGroup
	failed := make([]error, writers)
	for w := range writers {
		working.Go(func() {
			for i := w; i < n && failed[w] == nil; i += writers {
				failed[w] = do(i)
			}
		})
	}
	working.Wait()
	return errors.Join(failed...)
}
