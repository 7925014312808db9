//go:build linux

package harness

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are the flags of the command.
type options struct {
	readers []int
	rounds  int
	updates int
	only    []string
	costs   time.Duration
	silent  int
	profile string
	out     string
	docs    string
	render  string
	secure  bool
	scaling bool
	scale   scaleOptions
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	readers := flags.String("n", "1000,10000", "numbers of readers")
	flags.IntVar(&o.rounds, "rounds", 3, "how many times each server is measured; servers take turns")
	flags.IntVar(&o.updates, "updates", 0, "updates per run; 0 means 100 with less than 5000 readers, otherwise 30")
	only := flags.String("only", "", "names, or parts of names, of the servers to measure; the limit is always measured")
	flags.DurationVar(&o.costs, "costs", time.Second,
		"how long each kind of request is measured; 0 measures none; with -only, it must name costs")
	flags.IntVar(&o.silent, "silent", 0, "how many of 100 readers never read")
	flags.StringVar(&o.profile, "cpuprofile", "", "folder for CPU profiles of the servers; profiling costs some CPU")
	flags.StringVar(&o.out, "out", "", "file for the results, as JSON")
	flags.StringVar(&o.docs, "docs", "", "folder in which benchmarks.md and the charts get the results")
	flags.StringVar(&o.render, "render", "", "measure nothing; show the results in this file")
	flags.BoolVar(&o.secure, "tls", false,
		"measure readers over TLS, HTTP/2 and with compression, and what they are compared with; no requests")
	flags.BoolVar(&o.scaling, "scale", false, "measure many nodes that share a store; "+
		"with -n (default 8000), -updates, -out, -docs and -render")
	nodes := flags.String("nodes", "1,2,4", "with -scale: numbers of nodes")
	stores := flags.String("store", strings.Join(backends(), ","), "with -scale: the stores")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	set := make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { set[f.Name] = true })
	if !o.scaling && (set["nodes"] || set["store"]) {
		return o, errors.New("-nodes and -store need -scale")
	}
	if o.scaling && !set["n"] {
		*readers = strconv.Itoa(scaleReaders)
	}
	for part := range strings.SplitSeq(*readers, ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 {
			return o, fmt.Errorf("-n: %q is not a number of readers", part)
		}
		o.readers = append(o.readers, n)
	}
	if *only != "" {
		o.only = strings.Split(*only, ",")
		if !slices.Contains(o.only, costsName) {
			o.costs = 0
		}
	}
	if o.rounds < 1 || o.updates < 0 || o.silent < 0 || o.silent > 99 {
		return o, errors.New("-rounds must be at least 1, -updates at least 0, and -silent from 0 to 99")
	}
	if o.secure {
		o.costs = 0
	}
	if o.scaling {
		var err error
		o.scale, err = parseScale(*nodes, *stores, o)
		return o, err
	}
	return o, nil
}

// Main runs the command. It measures, prints tables to out, and writes the files that the flags name.
func Main(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if o.scaling {
		return mainScale(ctx, o, out)
	}
	var r *Results
	if o.render != "" {
		r, err = readResults(o.render)
	} else {
		r, err = run(ctx, o, out)
	}
	if err != nil {
		return err
	}
	r.Print(out)
	if o.out != "" {
		if err := writeJSON(o.out, r); err != nil {
			return err
		}
	}
	if o.docs != "" {
		if err := r.document(o.docs); err != nil {
			return err
		}
	}
	return r.Err()
}

// costsName means all costs of requests in -only.
const costsName = "costs"

// chosen returns the subjects that -only names.
func (o options) chosen() ([]Subject, error) {
	all := Subjects()
	if len(o.only) == 0 {
		return slices.DeleteFunc(slices.Clone(all), func(s Subject) bool { return s.Secure != o.secure && (!o.secure || !s.compared()) }), nil
	}
	o.only = slices.DeleteFunc(slices.Clone(o.only), func(part string) bool { return part == costsName })
	if len(o.only) == 0 {
		return nil, nil
	}
	used := make(map[string]bool)
	chosen := slices.DeleteFunc(slices.Clone(all), func(s Subject) bool {
		for _, part := range o.only {
			if s.Name == part || strings.Contains(s.Name, part) && !named(all, part) {
				used[part] = true
				return false
			}
		}
		return s.Name != Limit
	})
	for _, part := range o.only {
		if !used[part] && part != Limit {
			return nil, fmt.Errorf("-only: there is no server with %q in its name", part)
		}
	}
	return chosen, nil
}

func named(all []Subject, name string) bool {
	return slices.ContainsFunc(all, func(s Subject) bool { return s.Name == name })
}

func run(ctx context.Context, o options, out io.Writer) (*Results, error) {
	subjects, err := o.chosen()
	if err != nil {
		return nil, err
	}
	if err := files(slices.Max(o.readers)); err != nil {
		return nil, err
	}
	if o.profile != "" {
		if err := os.MkdirAll(o.profile, 0o755); err != nil {
			return nil, fmt.Errorf("-cpuprofile: %w", err)
		}
	}
	r := &Results{When: time.Now().UTC().Truncate(time.Second), Machine: thisMachine(), Rounds: o.rounds, Silent: o.silent, Secure: o.secure}
	missing := make(map[string]bool)
	for round := range o.rounds {
		for _, readers := range o.readers {
			for i := range subjects {
				s := subjects[(i+round)%len(subjects)] // no server is always first
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				if missing[s.Name] {
					continue
				}
				sample, err := measure(ctx, s, readers, o.updatesFor(readers), readers*o.silent/100, o.profile)
				sample.Round = round + 1
				if err != nil {
					sample.Error = err.Error()
					missing[s.Name] = sample.Unavailable
				}
				r.Samples = append(r.Samples, sample)
				progress(out, sample)
			}
		}
	}
	if o.costs > 0 {
		return r, costs(ctx, r, o.rounds, o.costs, o.profile, out)
	}
	return r, nil
}

func (o options) updatesFor(readers int) int {
	switch {
	case o.updates > 0:
		return o.updates
	case readers < 5000:
		return 100
	}
	return 30
}

func progress(out io.Writer, s Sample) {
	if s.Error != "" {
		fmt.Fprintf(out, "%-24s %6d: %s\n", s.Subject, s.Readers, s.Error)
		return
	}
	fmt.Fprintf(out, "%-24s %6d: %6.2f us, p99 %6.1f ms, last %6.1f ms, %6.2f kB idle, connect %.2f s, %5.1f us each\n",
		s.Subject, s.Readers, s.CPU, s.P99, s.Last, s.Idle/1000, s.Connect, s.ConnectCPU)
}

// files makes sure that a process may have so many connections. Go has already raised the soft limit to the hard limit.
func files(readers int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("RLIMIT_NOFILE: %w", err)
	}
	need := uint64(readers) + 200
	if limit.Max >= need && limit.Cur >= need {
		return nil
	}
	raised := syscall.Rlimit{Cur: need, Max: max(need, limit.Max)}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised); err != nil {
		return fmt.Errorf("%d readers need a limit of %d open files, but it is %d: %w; try ulimit -n",
			readers, need, limit.Max, err)
	}
	return nil
}

func readResults(path string) (*Results, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	r := new(Results)
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("read results %s: %w", path, err)
	}
	return r, nil
}

func writeJSON(path string, results any) error {
	data, err := json.MarshalIndent(results, "", "\t")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
		err = os.WriteFile(path, append(data, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}
