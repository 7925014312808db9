package message

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/motacilla-live/motacilla"
)

func TestUpdatesHaveOneSizeAndAreRead(t *testing.T) {
	m := NewMaker()
	last := m.Head()
	for seq, stamp := range []int64{0, 1, 123_456_789, math.MaxInt64} {
		body, err := m.Next(seq, stamp)
		if err != nil {
			t.Fatal(err)
		}
		if len(body) != Size {
			t.Errorf("update %d has %d bytes, want %d", seq, len(body), Size)
		}
		var u motacilla.Update
		if err := json.Unmarshal(body, &u); err != nil {
			t.Fatal(err)
		}
		if u.From != last || u.Revision <= last || len(u.Renders) != 1 {
			t.Errorf("update %d goes from %d to %d with %d posts", seq, u.From, u.Revision, len(u.Renders))
		}
		last = u.Revision
		if got, ok := Revision(AppendEvent(nil, u.Revision, body)); !ok || got != int64(u.Revision) {
			t.Errorf("Revision = %d, %v, want %d", got, ok, u.Revision)
		}
		found := 0
		Stamps(body, func(gotSeq int, gotStamp int64) {
			found++
			if gotSeq != seq || gotStamp != stamp {
				t.Errorf("Stamps gave %d, %d, want %d, %d", gotSeq, gotStamp, seq, stamp)
			}
		})
		if found != 1 {
			t.Errorf("update %d has %d stamps", seq, found)
		}
	}
}

func TestWhatIsNoUpdate(t *testing.T) {
	for _, frame := range []string{"", ": hi", `"revision":`, "stamp:", "stamp:000001:00"} {
		if _, ok := Revision([]byte(frame)); ok {
			t.Errorf("%q has a revision", frame)
		}
		Stamps([]byte(frame), func(int, int64) { t.Errorf("%q has a stamp", frame) })
	}
}
