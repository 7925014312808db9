package apps

import (
	"os"
	"strings"
	"testing"
)

// TestLiveCodeIsShort counts the lines that each app has for the live site, without blank lines and comments.
func TestLiveCodeIsShort(t *testing.T) {
	for _, app := range []string{"nethttp", "chi", "echo", "gin"} {
		code, err := os.ReadFile(app + "/live.go")
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for line := range strings.Lines(string(code)) {
			line = strings.TrimSpace(line)
			if line != "" && !strings.HasPrefix(line, "//") {
				lines++
			}
		}
		if lines == 0 || lines >= 60 {
			t.Errorf("%s/live.go has %d lines of code, want fewer than 60", app, lines)
		}
	}
}
