//go:build linux

package harness

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

var columns = []string{
	"server", "CPU us/delivery", "x limit", "p50 ms", "p99 ms", "last reader ms", "last p99 ms", "kB/idle reader",
	"kB after 1 update", "connect s", "CPU us/connection",
}

func (r *Results) columns() []string {
	if r.Secure {
		return secureColumns
	}
	return columns
}

// rows returns one row per server that was measured with so many readers. The first cell is the label of the server.
func (r *Results) rows(readers int) [][]string {
	if r.Secure {
		return r.secureRows(readers)
	}
	var rows [][]string
	for _, s := range Subjects() {
		cpu, ok := r.Of(s.Name, readers, perDelivery)
		if !ok {
			continue
		}
		of := func(format string, f Figure) string {
			got, _ := r.Of(s.Name, readers, f)
			return fmt.Sprintf(format, got.Median)
		}
		ratio, known := r.Ratio(s.Name, Limit, readers, perDelivery)
		toLimit := "-"
		if known {
			toLimit = fmt.Sprintf("%.2f", ratio.Median) + between("%.2f", ratio)
		}
		rows = append(rows, []string{
			s.Label, fmt.Sprintf("%.1f", cpu.Median) + between("%.1f", cpu), toLimit,
			of("%.0f", func(s Sample) float64 { return s.P50 }), of("%.0f", func(s Sample) float64 { return s.P99 }),
			of("%.0f", func(s Sample) float64 { return s.Last }), of("%.0f", lastReader),
			of("%.1f", func(s Sample) float64 { return s.Idle / 1000 }),
			of("%.1f", func(s Sample) float64 { return s.IdleAfter / 1000 }),
			of("%.2f", func(s Sample) float64 { return s.Connect }), of("%.0f", perConnection),
		})
	}
	return rows
}

func between(format string, s Spread) string {
	if s.Rounds < 2 {
		return ""
	}
	return fmt.Sprintf(" ("+format+" to "+format+")", s.Min, s.Max)
}

// verdictRows returns one row per target.
func (r *Results) verdictRows() [][]string {
	var rows [][]string
	for _, v := range r.Verdicts() {
		what, word := v.Name, "PASS"
		if v.To != "" {
			what += ", relative to " + v.To
		}
		switch {
		case !v.Pass && v.Goal:
			word = "over (a goal)"
		case !v.Pass:
			word = "over"
		}
		format := "%.2f"
		if v.Unit == "us" {
			format = "%.0f"
		}
		rows = append(rows, []string{
			v.Subject, fmt.Sprint(v.Readers), what, fmt.Sprintf("%g %s", v.Most, v.Unit),
			fmt.Sprintf(format, v.Got.Median) + between(format, v.Got), word,
		})
	}
	return rows
}

var verdictColumns = []string{"server", "readers", "figure", "at most", "measured", "result"}

// Print writes tables for a terminal.
func (r *Results) Print(out io.Writer) {
	fmt.Fprintf(out, "\n%s\n%s\n", r.Machine, r.method())
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, n := range r.readers() {
		fmt.Fprintf(w, "\n%d readers\n", n)
		printTable(w, r.columns(), r.rows(n))
	}
	if rows := r.verdictRows(); len(rows) > 0 {
		fmt.Fprintf(w, "\nTargets\n")
		printTable(w, verdictColumns, rows)
	}
	if rows := r.costRows(); len(rows) > 0 {
		fmt.Fprintf(w, "\nRequests\n")
		printTable(w, costColumns, rows)
	}
	_ = w.Flush()
}

func printTable(w io.Writer, columns []string, rows [][]string) {
	fmt.Fprintln(w, strings.Join(columns, "\t")+"\t")
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t")+"\t")
	}
}

// markdown returns a table for a document.
func markdown(columns []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(columns)
	b.WriteString(strings.Repeat("|---", len(columns)) + "|\n")
	for _, row := range rows {
		line(row)
	}
	return b.String()
}
