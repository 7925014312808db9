//go:build linux

package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla/bench/internal/server"
	"github.com/motacilla-live/motacilla/internal/load"
	"github.com/motacilla-live/motacilla/internal/message"
	"github.com/motacilla-live/motacilla/internal/process"
)

// Cost compares the cost of one kind of request: Motacilla, and a bare server or loop.
type Cost struct {
	Name    string
	Clients int    // how many clients ask in parallel, each on its own connection
	Ours    string // name of a server
	Bare    string // name of a server, or insertLoop
	Figure  func(CostSample) float64
	Unit    string
	AtLeast float64 // times the bare figure; 0 means that AtMost is the target
	AtMost  float64
}

// CostSample is the result of one run of one of the two.
type CostSample struct {
	Cost   string  `json:"cost"`
	Server string  `json:"server"`
	Round  int     `json:"round"`
	Rate   float64 `json:"rate"`   // requests per second
	CPU    float64 `json:"cpu_us"` // of the server, per request
	P50    float64 `json:"p50_us"` // from the request to the answer
	Error  string  `json:"error,omitempty"`
}

// insertLoop is a bare loop of INSERT and COMMIT. A transaction has as many rows as there are clients.
const insertLoop = "insert"

const costWarmUp = 300 * time.Millisecond

// Costs returns all costs, in the order of the table.
func Costs() []Cost {
	rate := func(s CostSample) float64 { return s.Rate }
	return []Cost{
		{Name: "sixteen writers, memory", Clients: 16, Ours: "ours-post-memory", Bare: "nethttp-post",
			Figure: rate, Unit: "/s", AtLeast: 0.6},
		{Name: "sixteen writers, SQLite", Clients: 16, Ours: "ours-post-sqlite", Bare: insertLoop,
			Figure: rate, Unit: "/s", AtLeast: 0.5},
		{Name: "one writer alone, SQLite", Clients: 1, Ours: "ours-post-sqlite", Bare: insertLoop,
			Figure: func(s CostSample) float64 { return s.P50 }, Unit: "us", AtMost: 2},
		{Name: "a poll with nothing new", Clients: 16, Ours: "ours-304", Bare: "nethttp-304",
			Figure: func(s CostSample) float64 { return s.CPU }, Unit: "us CPU", AtMost: 1.3},
	}
}

// costText is the text of a post, about message.Size bytes.
var costText = "<b>Goal!</b> " + strings.Repeat("It is raining on the pitch, and nobody minds. ", message.Size/46)

// costs measures all costs, each for the duration lasts.
func costs(ctx context.Context, r *Results, rounds int, lasts time.Duration, profile string, out io.Writer) error {
	for round := range rounds {
		for _, c := range Costs() {
			both := []string{c.Bare, c.Ours}
			if round%2 == 1 { // neither is always first
				both = []string{c.Ours, c.Bare}
			}
			for _, name := range both {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				s, err := c.measure(ctx, name, lasts, profile)
				s.Cost, s.Server, s.Round = c.Name, name, round+1
				if err != nil {
					s.Error = err.Error()
				}
				r.Costs = append(r.Costs, s)
				fmt.Fprintf(out, "%-24s %-18s %8.0f/s, %6.1f us CPU, %6.0f us %s\n", c.Name, name, s.Rate, s.CPU, s.P50, s.Error)
			}
		}
	}
	return nil
}

func (c Cost) measure(ctx context.Context, name string, lasts time.Duration, profile string) (s CostSample, err error) {
	dir, err := os.MkdirTemp("", "motacilla-bench")
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if name == insertLoop {
		return c.insert(ctx, dir, lasts)
	}
	if profile != "" {
		profile = filepath.Join(profile, fmt.Sprintf("%s-%d.pprof", name, c.Clients))
	}
	srv, err := startLocalIn(ctx, dir, name, profile)
	if err != nil {
		return s, err
	}
	defer srv.stop()
	pids, err := srv.pids()
	if err != nil {
		return s, err
	}
	q := load.Question{
		Addr: srv.said.Addr, Clients: c.Clients, Warm: costWarmUp, Lasts: lasts,
		CPU: process.Group(pids).CPU,
	}
	q.Request, q.Status = request(name, srv.said)
	got, err := load.Ask(ctx, q)
	return CostSample{Rate: got.Rate, CPU: micros(got.CPU), P50: micros(got.P50)}, err
}

// request returns the request for a server, and the status of the expected answer.
func request(name string, ready server.Ready) ([]byte, int) {
	const head = " HTTP/1.1\r\nHost: live.example.org\r\nUser-Agent: bench\r\nAccept: */*\r\n"
	body := fmt.Sprintf(`{"text":%q}`, costText)
	post := fmt.Sprintf("Authorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		server.Token, len(body), body)
	switch name {
	case "nethttp-post":
		return []byte("POST " + ready.Path + head + post), 201
	case "nethttp-304":
		return []byte("GET " + ready.Path + "?since=1763890000456789" + head + "If-None-Match: " + server.UnchangedTag + "\r\n\r\n"), 304
	case "ours-304":
		return fmt.Appendf(nil, "GET %s?since=%d%sIf-None-Match: \"%[2]d-%[2]d-3000\"\r\n\r\n", ready.Path, ready.Since, head), 304
	default:
		return []byte("POST /api/channels/" + string(message.Channel) + "/posts" + head + post), 201
	}
}

func (c Cost) insert(ctx context.Context, dir string, lasts time.Duration) (CostSample, error) {
	loop, err := startIn(ctx, dir, insertLoop)
	if err != nil {
		return CostSample{}, err
	}
	defer loop.stop()
	if err := loop.tell(server.Inserting{Batch: c.Clients, Text: costText, Lasts: lasts}); err != nil {
		return CostSample{}, err
	}
	var got server.Inserted
	if err := loop.hear(&got); err != nil {
		return CostSample{}, err
	}
	if got.Error != "" {
		return CostSample{}, errors.New(got.Error)
	}
	return CostSample{Rate: got.Rate, P50: micros(got.P50)}, nil
}

// costOf returns the spread of the figures of a cost over the rounds, and of their ratio.
func (r *Results) costOf(c Cost) (ours, bare, ratio Spread, ok bool) {
	var o, b, x []float64
	for _, s := range r.Costs {
		if s.Cost != c.Name || s.Server != c.Ours || s.Error != "" {
			continue
		}
		for _, other := range r.Costs {
			if other.Cost == c.Name && other.Server == c.Bare && other.Round == s.Round && c.Figure(other) > 0 {
				o, b = append(o, c.Figure(s)), append(b, c.Figure(other))
				x = append(x, c.Figure(s)/c.Figure(other))
			}
		}
	}
	return spread(o), spread(b), spread(x), len(x) > 0
}

var costColumns = []string{"request", "Motacilla", "bare", "unit", "ratio", "target", "result"}

// costRows returns one row per cost that was measured.
func (r *Results) costRows() [][]string {
	var rows [][]string
	for _, c := range Costs() {
		ours, bare, ratio, ok := r.costOf(c)
		if !ok {
			continue
		}
		aim, pass := fmt.Sprintf("at most %g x", c.AtMost), ratio.Median <= c.AtMost
		if c.AtLeast > 0 {
			aim, pass = fmt.Sprintf("at least %g x", c.AtLeast), ratio.Median >= c.AtLeast
		}
		word := "over"
		switch {
		case pass:
			word = "PASS"
		case c.AtLeast > 0:
			word = "under"
		}
		format := "%.0f"
		if ours.Median < 100 {
			format = "%.1f"
		}
		rows = append(rows, []string{
			c.Name, fmt.Sprintf(format, ours.Median), fmt.Sprintf(format, bare.Median), c.Unit,
			fmt.Sprintf("%.2f", ratio.Median) + between("%.2f", ratio), aim, word,
		})
	}
	return rows
}
