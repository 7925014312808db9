//go:build linux

package harness

import (
	"fmt"
	"math"
	"strings"
	"text/template"
)

// bar is the bar of one server in a chart.
type bar struct {
	Label string
	Ours  bool
	Spread
}

// chart is an SVG chart of horizontal bars with their range. It follows the colour scheme of the browser, dark or light.
type chart struct {
	Title  string
	Note   string
	Format string  // of the value at a bar
	Line   float64 // a line to compare with; 0 draws none
	Bars   []bar
}

const (
	chartWidth = 850
	labelWidth = 380
	barsWidth  = 340
	barsTop    = 64
	rowHeight  = 26
)

// The part of a row that is bar.
const (
	barHeight = 16
	barOffset = (rowHeight - barHeight) / 2
)

var chartTemplate = template.Must(template.New("chart").Funcs(template.FuncMap{
	"add": func(a, b float64) float64 { return a + b },
	"sub": func(a, b float64) float64 { return a - b },
}).Parse(`<svg xmlns="http://www.w3.org/2000/svg" width="{{.Width}}" height="{{.Height}}" viewBox="0 0 {{.Width}} {{.Height}}" ` +
	`role="img" aria-label="{{html .Title}}" font-family="system-ui, sans-serif" font-size="13">
<style>
text { fill: #1f2328 } .quiet { fill: #59636e } .grid { stroke: #d1d9e0 } .line { stroke: #59636e }
.bar { fill: #afb8c1 } .ours { fill: #1a7f64 } .spread { stroke: #1f2328 } .own { font-weight: 600 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .quiet { fill: #9198a1 } .grid { stroke: #3d444d } .line { stroke: #9198a1 }
.bar { fill: #656c76 } .ours { fill: #2fb38f } .spread { stroke: #e6edf3 }
}
</style>
<text x="0" y="18" font-size="16" font-weight="600">{{html .Title}}</text>
<text x="0" y="38" class="quiet">{{html .Note}}</text>
{{- range .Grid}}
<line class="grid" x1="{{.X}}" x2="{{.X}}" y1="{{$.Top}}" y2="{{$.Bottom}}"/>` +
	`<text class="quiet" x="{{.X}}" y="{{add $.Bottom 16}}" text-anchor="middle" font-size="11">{{.Text}}</text>
{{- end}}
{{- range .Rows}}
<text x="{{sub $.Left 8}}" y="{{add .Middle 4.5}}" text-anchor="end"{{if .Ours}} class="own"{{end}}>{{html .Label}}</text>` +
	`<rect class="bar{{if .Ours}} ours{{end}}" x="{{$.Left}}" y="{{.Y}}" width="{{.W}}" height="{{$.Bar}}" rx="2"/>
{{- if .Spreads}}<path class="spread" fill="none" d="M{{.Low}} {{sub .Middle 3}}v6m0 -3H{{.High}}m0 -3v6"/>{{end -}}
<text x="{{.End}}" y="{{add .Middle 4.5}}"{{if .Ours}} class="own"{{end}}>{{.Text}}</text>
{{- end}}
{{- if .Line}}
<line class="line" stroke-dasharray="4 3" x1="{{.Line}}" x2="{{.Line}}" y1="{{sub .Top 4}}" y2="{{.Bottom}}"/>
{{- end}}
</svg>
`))

type chartTick struct {
	X    float64
	Text string
}

type chartRow struct {
	bar
	Y, W, Middle, Low, High, End float64
	Spreads                      bool
	Text                         string
}

// SVG draws the chart.
func (c chart) SVG() (string, error) {
	most := c.Line
	for _, b := range c.Bars {
		most = math.Max(most, b.Max)
	}
	step := niceStep(most)
	top := math.Ceil(most/step) * step
	x := func(v float64) float64 { return round(labelWidth + v/top*barsWidth) }
	bottom := float64(barsTop + rowHeight*len(c.Bars))
	view := struct {
		chart
		Width, Height, Left, Top, Bottom, Bar, Line float64
		Grid                                        []chartTick
		Rows                                        []chartRow
	}{
		chart: c, Width: chartWidth, Height: bottom + 24, Left: labelWidth, Top: barsTop - 4, Bottom: bottom, Bar: barHeight,
	}
	if c.Line > 0 {
		view.Line = x(c.Line)
	}
	for v := 0.0; v <= top+step/2; v += step {
		view.Grid = append(view.Grid, chartTick{x(v), fmt.Sprintf("%g", round(v))})
	}
	for i, b := range c.Bars {
		y := float64(barsTop + rowHeight*i + barOffset)
		view.Rows = append(view.Rows, chartRow{
			bar: b, Y: y, W: round(x(b.Median) - labelWidth), Middle: y + barHeight/2, Low: x(b.Min), High: x(b.Max),
			End: x(b.Max) + 8, Spreads: b.Rounds > 1, Text: fmt.Sprintf(c.Format, b.Median),
		})
	}
	var out strings.Builder
	if err := chartTemplate.Execute(&out, view); err != nil {
		return "", fmt.Errorf("draw %q: %w", c.Title, err)
	}
	return out.String(), nil
}

// niceStep returns 1, 2 or 5 times a power of ten, so that there are four to ten steps from 0 to most.
func niceStep(most float64) float64 {
	if most <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(most/4)))
	for _, n := range []float64{5, 2} {
		if most/(n*power) >= 4 {
			return n * power
		}
	}
	return power
}

func round(v float64) float64 { return math.Round(v*100) / 100 }
