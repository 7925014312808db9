// Thousands is both ends of the test of the same name, each in processes of its own: their descriptors are theirs, and
// they run without the race detector, which takes 8,128 goroutines at most.
//
//	thousands serve            a server with long polling; commands on standard input, answers on standard output
//	thousands read N URL REV   N readers, each of which holds three requests, one after another
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

func main() {
	if len(os.Args) == 5 && os.Args[1] == "read" {
		n, err := strconv.Atoi(os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		read(n, os.Args[3], os.Args[4])
		return
	}
	if err := serve(); err != nil {
		log.Fatal(err)
	}
}

// counting counts the reads on behalf of readers.
type counting struct {
	*memory.Store
	reads atomic.Int64
}

func (c *counting) Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	c.reads.Add(1)
	return c.Store.Channel(ctx, id)
}

func (c *counting) Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	c.reads.Add(1)
	return c.Store.Posts(ctx, ch, q)
}

func (c *counting) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int,
) (motacilla.Changes, error) {
	c.reads.Add(1)
	return c.Store.Changes(ctx, ch, since, limit)
}

type text struct{}

func (text) RenderPost(p motacilla.Post) (motacilla.HTML, error) { return p.Content[0].Text, nil }

func serve() error {
	const ch = "match-42"
	ctx := context.Background()
	source := &counting{Store: memory.New(nil)}
	feed := publisher.NewFeed(source, text{}, &publisher.FeedOptions{Repair: time.Hour})
	if err := feed.Start(ctx); err != nil {
		return err
	}
	c, err := source.PutChannel(ctx, motacilla.Channel{ID: ch}, 0)
	if err != nil {
		return err
	}
	long := polling.NewLong(feed, &polling.LongOptions{Hold: 5 * time.Minute, Timeout: 5 * time.Minute})
	table := route.NewTable()
	if err := table.Add("polling", "/live", long.URLs()...); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(l, table) }()
	fmt.Printf("http://%s/live/long-polling/%s/ %d\n", l.Addr(), ch, c.Head)

	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		switch commands.Text() {
		case "post":
			p := motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.PlainText("Goal")}}
			if _, err := source.PutPost(ctx, ch, p, 0); err != nil {
				return err
			}
		case "drain":
			if err := long.Shutdown(ctx); err != nil {
				return err
			}
		}
		counters, stats := feed.Metrics().Counters(), feed.Metrics().Of("long-polling")
		_ = json.NewEncoder(os.Stdout).Encode(map[string]int64{
			"readers": stats.Readers.Load(), "deliveries": stats.Deliveries.Load(), "source": source.reads.Load(),
			"reads": counters.StoreReads, "renders": counters.Renders, "encodings": counters.Encodings,
		})
	}
	return commands.Err()
}

func read(n int, url, head string) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n}}
	var failed sync.Once
	var answered [3]atomic.Int64
	get := func(i int, query, want string) (revision motacilla.Revision, ok bool) {
		res, err := client.Get(url + query)
		if err == nil {
			var body []byte
			body, err = io.ReadAll(res.Body)
			_ = res.Body.Close()
			if err == nil && res.StatusCode == http.StatusOK && strings.Contains(string(body), want) {
				answered[i].Add(1)
				var u motacilla.Update
				_ = json.Unmarshal(body, &u)
				return u.Revision, true
			}
			err = fmt.Errorf("%s %.300s (%w)", res.Status, body, err)
		}
		failed.Do(func() { log.Printf("%s: %v", query, err) })
		return 0, false
	}
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			rev, ok := get(0, "?since="+head, "Goal")
			if !ok {
				return
			}
			if _, ok = get(1, "?last_update_ts="+rev.Timestamp(), "Goal"); ok {
				get(2, "?last_update_ts=9000000000", "timeOutReached")
			}
		})
	}
	all.Wait()
	fmt.Println(answered[0].Load(), answered[1].Load(), answered[2].Load())
}
