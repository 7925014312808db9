package table

import (
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"
	"pgregory.net/rapid"
)

func sample() *Table {
	t := &Table{Columns: []Column{{Title: "ID"}, {Title: "STATE"}, {Title: "TEXT", Flexible: true}}}
	t.Add("match-42", "live", "Cup final: Rovers against United")
	t.Add("日本", "ended", "速報:優勝決定戦がまもなく始まります")
	t.Add("e", "live", "👩‍👩‍👧‍👦 family\x1b[31m\tred\nline")
	return t
}

func TestPrint(t *testing.T) {
	for _, tt := range []struct {
		width int
		want  string
	}{
		{0, "match-42\tlive\tCup final: Rovers against United\n" +
			"日本\tended\t速報:優勝決定戦がまもなく始まります\n" +
			"e\tlive\t👩‍👩‍👧‍👦 family [31m red line\n"},
		{80, "ID        STATE  TEXT\n" +
			"match-42  live   Cup final: Rovers against United\n" +
			"日本      ended  速報:優勝決定戦がまもなく始まります\n" +
			"e         live   👩‍👩‍👧‍👦 family [31m red line\n"},
		{30, "ID        STATE  TEXT\n" +
			"match-42  live   Cup final: R…\n" +
			"日本      ended  速報:優勝決…\n" +
			"e         live   👩‍👩‍👧‍👦 family [3…\n"},
	} {
		var b strings.Builder
		if err := sample().Print(&b, tt.width); err != nil || b.String() != tt.want {
			t.Errorf("width %d (%v):\n%swant\n%s", tt.width, err, b.String(), tt.want)
		}
	}
}

// Whatever the cells and the width, no line is longer than the width.
func TestNoLineIsLonger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := &Table{Columns: []Column{{Title: "ID"}, {Title: "日本語"}, {Title: "TEXT", Flexible: true}}}
		rows := rapid.SliceOf(rapid.SliceOfN(rapid.String(), 0, 4)).Draw(t, "rows")
		for _, row := range rows {
			table.Add(row...)
		}
		width := rapid.IntRange(1, 120).Draw(t, "width")
		var b strings.Builder
		if err := table.Print(&b, width); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines) != len(rows)+1 {
			t.Fatalf("%d lines of %d rows", len(lines), len(rows))
		}
		for _, line := range lines {
			if got := runewidth.StringWidth(line); got > width {
				t.Fatalf("%q takes %d of %d", line, got, width)
			}
		}
	})
}
