//go:build linux

package harness

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Results are the results of one run of the harness.
type Results struct {
	When    time.Time `json:"when"`
	Machine Machine   `json:"machine"`
	Rounds  int       `json:"rounds"`
	Silent  int       `json:"silent_of_100,omitempty"` // of 100 readers, how many never read
	Secure  bool      `json:"tls,omitempty"`           // a run with -tls
	Samples []Sample  `json:"samples"`

	Costs []CostSample `json:"costs,omitempty"`
}

// Machine describes the machine that was measured.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	Nginx  string `json:"nginx,omitempty"`
}

func thisMachine() Machine {
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version(), Nginx: nginxVersion()}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
	}
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return m
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(name) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	return m
}

func (m Machine) String() string {
	s := fmt.Sprintf("%s, %d cores, %s, %s", m.CPU, m.Cores, m.Kernel, m.Go)
	if m.Nginx != "" {
		s += ", " + m.Nginx
	}
	return s
}

// Spread is the median, the minimum and the maximum of some rounds.
type Spread struct {
	Median, Min, Max float64
	Rounds           int
}

// spread returns the spread of values, one per round. It sorts values.
func spread(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	slices.Sort(values)
	middle := len(values) / 2
	median := values[middle]
	if len(values)%2 == 0 {
		median = (values[middle-1] + median) / 2
	}
	return Spread{median, values[0], values[len(values)-1], len(values)}
}

// Figure is one figure of a sample.
type Figure func(Sample) float64

// Of returns the spread of a figure over the rounds. It returns false if nothing was measured.
func (r *Results) Of(subject string, readers int, f Figure) (Spread, bool) {
	var values []float64
	for _, s := range r.Samples {
		if s.Subject == subject && s.Readers == readers && s.Error == "" {
			values = append(values, f(s))
		}
	}
	return spread(values), len(values) > 0
}

// Ratio returns the spread of a figure divided by that of another server in the same round.
func (r *Results) Ratio(subject, to string, readers int, f Figure) (Spread, bool) {
	var values []float64
	for _, s := range r.Samples {
		if s.Subject != subject || s.Readers != readers || s.Error != "" {
			continue
		}
		for _, other := range r.Samples {
			if other.Subject == to && other.Readers == readers && other.Round == s.Round && other.Error == "" && f(other) > 0 {
				values = append(values, f(s)/f(other))
			}
		}
	}
	return spread(values), len(values) > 0
}

// readers returns the numbers of readers that were measured, in rising order.
func (r *Results) readers() []int {
	var all []int
	for _, s := range r.Samples {
		all = append(all, s.Readers)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Err returns an error if a run failed. A server that is not installed is not an error.
func (r *Results) Err() error {
	wrong := 0
	for _, s := range r.Samples {
		if s.Error != "" && !s.Unavailable {
			wrong++
		}
	}
	for _, s := range r.Costs {
		if s.Error != "" {
			wrong++
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d runs failed", wrong, len(r.Samples)+len(r.Costs))
	}
	return nil
}
