package people

import (
	"os"
	"strings"
	"testing"
)

// After all tests, every operation, status, header, parameter and property that the description has was seen.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		for _, unseen := range contract().Unseen("/api/access/passkeys", "/api/access/people", "/api/access/invitations") {
			_, _ = os.Stderr.WriteString("described, and by no test seen: " + unseen + "\n")
		}
	}
	_ = strings.Contains
	os.Exit(code)
}
