package postgres

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/storage"
)

// The migrations have the numbers of storage.Remember and storage.RememberHours in SQL, since a migration that has run on a
// database can't follow a constant. This test reads the function as it is after all of them.
func TestForgetsWhatThePortLetsItForget(t *testing.T) {
	s := opened(t, database(t), nil)
	var function string
	err := s.server.pool.QueryRow(t.Context(), "SELECT pg_get_functiondef('motacilla_forget'::regproc)").Scan(&function)
	if err != nil {
		t.Fatal(err)
	}
	const period = storage.RememberHours * int64(time.Hour/time.Microsecond)
	for pattern, want := range map[string]int64{`bigint := at - (\d+);`: period, `DESC LIMIT 1 OFFSET (\d+)\)`: storage.Remember - 1} {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(function); len(found) != 2 || found[1] != fmt.Sprint(want) {
			t.Errorf("%s is %q, want %d: replace the function by a new migration\n%s", pattern, found, want, function)
		}
	}
}
