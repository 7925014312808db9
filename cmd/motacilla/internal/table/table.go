// Package table prints rows for people, as wide as their terminal, or for programs, separated by tabs.
package table

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
)

// Column is a column of a table.
type Column struct {
	Title string
	// Flexible columns get narrower first if the terminal is too narrow.
	Flexible bool
}

// Table has rows with a cell for each of Columns.
type Table struct {
	Columns []Column
	rows    [][]string
}

const (
	gap      = 2 // between columns
	narrow   = 4 // a flexible column does not get narrower than this while others can
	ellipsis = "…"
)

// Add adds a row with a cell for each column. Control characters, which a terminal would obey, become spaces.
func (t *Table) Add(cells ...string) {
	row := make([]string, len(t.Columns))
	for i := range row {
		if i < len(cells) {
			row[i] = clean(cells[i])
		}
	}
	t.rows = append(t.rows, row)
}

// Print prints the table for a terminal. No line is longer than width. Cells that are too long end in an ellipsis. If
// width is 0, Print prints all cells whole, separated by tabs and without titles, for programs.
func (t *Table) Print(w io.Writer, width int) error {
	out := bufio.NewWriter(w)
	if width <= 0 {
		for _, row := range t.rows {
			fmt.Fprintln(out, strings.Join(row, "\t"))
		}
		return out.Flush()
	}
	titles := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		titles[i] = c.Title
	}
	widths := t.widths(titles, width)
	for _, row := range append([][]string{titles}, t.rows...) {
		var line strings.Builder
		for i, cell := range row {
			if i > 0 {
				line.WriteString(strings.Repeat(" ", gap))
			}
			line.WriteString(runewidth.FillRight(runewidth.Truncate(cell, widths[i], ellipsis), widths[i]))
		}
		// If the terminal has no room for the gaps, the line is cut.
		fmt.Fprintln(out, strings.TrimRight(runewidth.Truncate(line.String(), width, ""), " "))
	}
	return out.Flush()
}

// widths returns the columns' widths in terminal cells: what their cells need, or less if the terminal is too narrow.
func (t *Table) widths(titles []string, width int) []int {
	widths := make([]int, len(titles))
	sum := gap * (len(titles) - 1)
	for i, title := range titles {
		widths[i] = runewidth.StringWidth(title)
		for _, row := range t.rows {
			widths[i] = max(widths[i], min(runewidth.StringWidth(row[i]), width))
		}
		sum += widths[i]
	}
	for _, step := range []struct {
		least int
		all   bool
	}{{narrow, false}, {narrow, true}, {1, true}} {
		for sum > width {
			widest := -1
			for i, c := range t.Columns {
				if (c.Flexible || step.all) && widths[i] > step.least && (widest < 0 || widths[i] > widths[widest]) {
					widest = i
				}
			}
			if widest < 0 {
				break
			}
			widths[widest]--
			sum--
		}
	}
	return widths
}

func clean(s string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 || c == '\u2028' || c == '\u2029' {
			return ' '
		}
		return c
	}, s))
}
