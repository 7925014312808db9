//go:build linux

package harness

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// scaleTable is one table of results.
type scaleTable struct {
	title   string
	columns []string
	rows    [][]string
}

// storeNames are the names of stores in tables.
var storeNames = map[string]string{"postgres": "PostgreSQL", "redis": "Redis"}

// tables returns the tables of one store.
func (r *ScaleResults) tables(store string) []scaleTable {
	few := scaleTable{title: "an update with one reader per node", columns: []string{
		"nodes", "CPU us, node that writes", "each other node", "store", "store, per node", "reads/node",
		"p50 ms, same node", "p99 ms", "p50 ms, other nodes", "p99 ms",
	}}
	crowd := scaleTable{title: "many readers", columns: []string{
		"nodes", "readers", "CPU us/delivery", "CPU us/connection", "kB/idle reader", "kernel kB, both ends",
		"store CPU us/update", "reads/update and node", "p50 ms", "p99 ms",
	}}
	idle := scaleTable{title: "nodes at rest", columns: []string{
		"nodes", "CPU us/s and node", "store CPU us/s", "store, per node", "reads/s and node",
	}}
	row := scaleTable{title: "writes without a pause", columns: []string{
		"nodes", "readers", "writes/s", "CPU us/write, all nodes", "store", "reads/write and node", "updates/write and reader",
	}}
	for _, s := range r.Samples {
		if s.Store != store || s.Error != "" {
			continue
		}
		n, readers, per := fmt.Sprint(s.Nodes), thousands(s.Readers), float64(s.Nodes)
		other := []string{"-", "-", "-"}
		if s.Nodes > 1 {
			other = []string{figure(s.OtherCPU), figure(s.OtherP50), figure(s.OtherP99)}
		}
		few.rows = append(few.rows, []string{
			n, figure(s.WriterCPU), other[0], figure(s.StoreCPU), figure(s.StoreCPU / per), figure(s.Reads),
			figure(s.OwnP50), figure(s.OwnP99), other[1], other[2],
		})
		crowd.rows = append(crowd.rows, []string{
			n, readers, figure(s.CPU), figure(s.ConnectCPU), figure(s.Idle / 1000), figure(s.Kernel / 1000),
			figure(s.CrowdStore), figure(s.CrowdReads), figure(s.CrowdP50), figure(s.CrowdP99),
		})
		idle.rows = append(idle.rows, []string{
			n, figure(s.IdleCPU), figure(s.IdleStore), figure(s.IdleStore / per), figure(s.IdleReads),
		})
		add := func(readers string, w Row) {
			row.rows = append(row.rows, []string{
				n, readers, figure(w.Rate), figure(w.CPU), figure(w.Store), figure(w.Reads), figure(w.Sent),
			})
		}
		add(n, s.FewRow)
		add(readers, s.CrowdRow)
	}
	channels := scaleTable{title: "channels with one reader each, on one node", columns: []string{
		"channels", "kB/channel", "CPU us to open", "store", "reads", "CPU us/s at rest", "store", "CPU us/post", "store",
	}}
	for _, s := range r.Channels {
		if s.Store == store && s.Error == "" {
			channels.rows = append(channels.rows, []string{
				thousands(s.Channels), figure(s.Memory / 1000), figure(s.OpenCPU), figure(s.OpenStore), figure(s.OpenReads),
				figure(s.IdleCPU), figure(s.IdleStore), figure(s.WriteCPU), figure(s.WriteStore),
			})
		}
	}
	all := []scaleTable{few, crowd, idle, row, channels}
	if u, ok := r.units(store); ok {
		all = append(all, scaleTable{"what many readers need (calculated)", planColumns, u.planRows()})
	}
	return all
}

// each calls yield for every table that has rows.
func (r *ScaleResults) each(yield func(title string, t scaleTable)) {
	for _, store := range backends() {
		for _, t := range r.tables(store) {
			if len(t.rows) > 0 {
				yield(storeNames[store]+": "+t.title, t)
			}
		}
	}
}

// about returns date, machine and versions.
func (r *ScaleResults) about() string {
	return fmt.Sprintf("%s; %s; %s; one round", r.When.Format("2 January 2006"), r.Machine, strings.Join(r.Versions, ", "))
}

// Print writes tables for a terminal.
func (r *ScaleResults) Print(out io.Writer) {
	fmt.Fprintf(out, "\n%s\n", r.about())
	r.each(func(title string, t scaleTable) {
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintf(w, "\n%s\n", title)
		printTable(w, t.columns, t.rows)
		_ = w.Flush()
	})
}

// section returns the text between the marks of scaling.md.
func (r *ScaleResults) section() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s.\n", r.about())
	r.each(func(title string, t scaleTable) {
		fmt.Fprintf(&b, "\n### %s\n\n%s", title, markdown(t.columns, t.rows))
	})
	b.WriteString("\n")
	return b.String()
}
