package app

import (
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
)

// modulePath is the module that is this project. An app of its own has it as a dependency.
const modulePath = "github.com/motacilla-live/motacilla"

// newBuildInfo returns the metric that tells which version runs. Its value is always 1.
func newBuildInfo() prometheus.Collector {
	info, _ := debug.ReadBuildInfo()
	version, revision, toolchain := buildOf(info)
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "motacilla_build_info", Help: "1, with the version that runs.",
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "goversion": toolchain},
	}, func() float64 { return 1 })
}

// buildOf returns the version of this project in a program, the revision that the program was built from, and the version of Go.
// What is not known is "unknown".
func buildOf(info *debug.BuildInfo) (version, revision, toolchain string) {
	const unknown = "unknown"
	version, revision, toolchain = unknown, unknown, unknown
	if info == nil {
		return version, revision, toolchain
	}
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path == modulePath && m.Version != "" {
			version = m.Version
		}
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	if info.GoVersion != "" {
		toolchain = info.GoVersion
	}
	return version, revision, toolchain
}

// builtVersion returns the version of this project in this program, and its revision.
func builtVersion() string {
	info, _ := debug.ReadBuildInfo()
	version, revision, _ := buildOf(info)
	return version + " " + revision
}
