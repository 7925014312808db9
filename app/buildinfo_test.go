package app

import (
	"runtime/debug"
	"testing"
)

func TestBuildInfo(t *testing.T) {
	own := debug.Module{Path: modulePath, Version: "v1.2.3"}
	vcs := []debug.BuildSetting{{Key: "GOOS", Value: "linux"}, {Key: "vcs.revision", Value: "abc"}}
	for _, tt := range []struct {
		name string
		info *debug.BuildInfo
		want [3]string
	}{
		{"nothing known", nil, [3]string{"unknown", "unknown", "unknown"}},
		{"the program", &debug.BuildInfo{GoVersion: "go1.26", Main: own, Settings: vcs}, [3]string{"v1.2.3", "abc", "go1.26"}},
		{"an app of its own", &debug.BuildInfo{
			GoVersion: "go1.26", Main: debug.Module{Path: "example.org/app", Version: "v9"}, Deps: []*debug.Module{&own}, Settings: vcs,
		}, [3]string{"v1.2.3", "abc", "go1.26"}},
	} {
		version, revision, toolchain := buildOf(tt.info)
		if got := [3]string{version, revision, toolchain}; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
