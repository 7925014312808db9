package tlsrecord

import "testing"

func TestWorks(t *testing.T) {
	if err := Works(); err != nil {
		t.Fatal(err)
	}
}
