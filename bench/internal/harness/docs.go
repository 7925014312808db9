//go:build linux

package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/motacilla-live/motacilla/internal/message"
)

// The marks around the part of benchmarks.md and scaling.md that document writes.
const (
	beginResults = "<!-- results: written by bench -docs -->\n"
	endResults   = "<!-- end of results -->\n"

	beginSecure = "<!-- results over TLS: written by bench -tls -docs -->\n"
	endSecure   = "<!-- end of results over TLS -->\n"
)

// document puts the results into benchmarks.md of a folder, and the charts into the same folder.
func (r *Results) document(dir string) error {
	page := filepath.Join(dir, "benchmarks.md")
	if r.Secure {
		return replaceBetween(page, beginSecure, endSecure, r.section())
	}
	for name, c := range r.charts() {
		svg, err := c.SVG()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(svg), 0o644); err != nil {
			return fmt.Errorf("document results: %w", err)
		}
	}
	return replace(page, r.section())
}

// replace puts section between the marks of a document.
func replace(path, section string) error {
	return replaceBetween(path, beginResults, endResults, section)
}

func replaceBetween(path, begin, end, section string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("document results: %w", err)
	}
	before, rest, begun := strings.Cut(string(page), begin)
	_, after, ended := strings.Cut(rest, end)
	if !begun || !ended {
		return fmt.Errorf("document results: %s lacks the marks %q and %q", path, begin, end)
	}
	page = []byte(before + begin + section + end + after)
	if err := os.WriteFile(path, page, 0o644); err != nil {
		return fmt.Errorf("document results: %w", err)
	}
	return nil
}

// section returns the text between the marks.
func (r *Results) section() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s; %s; %s.\n", r.When.Format("2 January 2006"), r.Machine, r.method())
	readers := r.readers()
	slices.Reverse(readers)
	for _, n := range readers {
		fmt.Fprintf(&b, "\n### %s readers\n\n%s", thousands(n), markdown(r.columns(), r.rows(n)))
	}
	if rows := r.verdictRows(); len(rows) > 0 {
		fmt.Fprintf(&b, "\n### Targets\n\n%s", markdown(verdictColumns, rows))
	}
	if rows := r.costRows(); len(rows) > 0 {
		fmt.Fprintf(&b, "\n### Requests\n\n%s", markdown(costColumns, rows))
	}
	b.WriteString("\n")
	return b.String()
}

// method explains the values in brackets.
func (r *Results) method() string {
	if r.Rounds == 1 {
		return "one round"
	}
	return fmt.Sprintf("medians of %d rounds, with the least and the greatest value in brackets", r.Rounds)
}

// rounds explains the bars and ranges of a chart.
func rounds(n int) string {
	if n == 1 {
		return "one round"
	}
	return fmt.Sprintf("medians of %d rounds, with the range from least to greatest", n)
}

func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// charts returns the charts by the names of their files. They show the greatest number of readers that was measured.
func (r *Results) charts() map[string]chart {
	readers := r.readers()
	if len(readers) == 0 {
		return nil
	}
	n := readers[len(readers)-1]
	among := fmt.Sprintf("one channel, %s readers, updates of %d bytes; %s", thousands(n), message.Size, rounds(r.Rounds))
	ratio := func(polls bool) func(Subject) (Spread, bool) {
		return func(s Subject) (Spread, bool) {
			if s.Name != Limit && s.Mode.Polls() != polls {
				return Spread{}, false
			}
			return r.Ratio(s.Name, Limit, n, perDelivery)
		}
	}
	idle := func(s Subject) (Spread, bool) {
		if s.Name == Limit {
			return Spread{}, false
		}
		return r.Of(s.Name, n, idleKB)
	}
	last := func(s Subject) (Spread, bool) { return r.Of(s.Name, n, lastReader) }
	return map[string]chart{
		"benchmark-delivery.svg": {
			Title: "CPU per delivery, relative to a bare loop of write(2)", Note: among,
			Format: "%.2f x", Line: 1, Bars: r.bars(ratio(false)),
		},
		"benchmark-polling.svg": {
			Title: "CPU per delivery and next poll, relative to a bare loop of write(2)", Note: among,
			Format: "%.2f x", Line: 1, Bars: r.bars(ratio(true)),
		},
		"benchmark-memory.svg": {Title: "Memory per idle reader, kB", Note: among, Format: "%.1f kB", Bars: r.bars(idle)},
		"benchmark-last.svg": {
			Title: "Time from the write to the last reader, 99th percentile, ms", Note: among,
			Format: "%.0f ms", Bars: r.bars(last),
		},
	}
}

// bars returns a bar for each server that has the figure, the least first.
func (r *Results) bars(of func(Subject) (Spread, bool)) []bar {
	var bars []bar
	for _, s := range Subjects() {
		if got, ok := of(s); ok {
			bars = append(bars, bar{s.Label, s.Ours, got})
		}
	}
	slices.SortStableFunc(bars, func(a, b bar) int {
		switch {
		case a.Median < b.Median:
			return -1
		case a.Median > b.Median:
			return 1
		}
		return 0
	})
	return bars
}
