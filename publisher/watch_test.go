package publisher

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/motacilla-live/motacilla/route"
)

// TestReadersStaySmall: what is kept of each idle reader fits into the size class of Go's allocator that it had before permissions
// could be revoked.
func TestReadersStaySmall(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("the sizes are those of 64 bits")
	}
	for what, size := range map[string]struct{ is, most uintptr }{
		"member":       {unsafe.Sizeof(member{}), 48},
		"pollConn":     {unsafe.Sizeof(pollConn{}), 112},
		"subscription": {unsafe.Sizeof(subscription{}), 64},
		"Many":         {unsafe.Sizeof(Many{}), 208},
		"runner":       {unsafe.Sizeof(runner{}), 112},
		"Stream":       {unsafe.Sizeof(Stream{}), 96},
	} {
		if size.is > size.most {
			t.Errorf("a %s has %d bytes, want %d at most", what, size.is, size.most)
		}
	}
}

// TestAlarms sets many alarms and unsets every other one. The others ring in time, and nothing is left.
func TestAlarms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 2000
		var a alarms
		var mu sync.Mutex
		rung := make(map[int]int)
		began := time.Now()
		for i := range many {
			at := began.Add(rand.N(time.Minute))
			unset := a.set(at, func() {
				if late := time.Since(at); late != 0 {
					t.Errorf("an alarm rang %v late", late)
				}
				mu.Lock()
				defer mu.Unlock()
				rung[i]++
			})
			if i%2 == 1 {
				unset()
				unset()
			}
		}
		a.set(time.Time{}, func() { t.Error("an alarm without a time rang") })()
		time.Sleep(time.Minute)
		synctest.Wait()
		for i := range many {
			if want := 1 - i%2; rung[i] != want {
				t.Fatalf("alarm %d rang %d times, want %d", i, rung[i], want)
			}
		}
		if len(a.queue) != 0 {
			t.Errorf("%d alarms are left", len(a.queue))
		}
	})
}

// TestManyExpireWithOneTimer has readers with goroutines whose permissions end within the same minute. Each ends in its time, and all
// of them wait for one timer.
func TestManyExpireWithOneTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const readers = 2000
		_, feed, end := started(t)
		defer end()
		streams := NewStreams(feed, &Wire{Name: "test", Format: JSON})
		began := time.Now()
		var all sync.WaitGroup
		for range readers {
			expires := began.Add(time.Second + rand.N(time.Minute))
			r := route.WithGrant(httptest.NewRequest(http.MethodGet, "/", nil), route.Grant{Expires: expires})
			stream, err := streams.Open(r, "match", 0)
			if err != nil {
				t.Fatal(err)
			}
			all.Go(func() {
				defer stream.Close()
				why := stream.Run(t.Context(), func(*Delta) error { return nil })
				if late := time.Since(expires); why != EndForbidden || late != 0 {
					t.Errorf("a reader's end is %d, %v after its permission's", why, late)
				}
			})
		}
		synctest.Wait()
		feed.alarms.mu.Lock()
		if n := len(feed.alarms.queue); n != readers {
			t.Errorf("%d readers wait for the timer, want %d", n, readers)
		}
		feed.alarms.mu.Unlock()
		all.Wait()
		if n := len(feed.alarms.queue); n != 0 {
			t.Errorf("%d readers are left", n)
		}
	})
}

// TestHolderKeepsNothing has many streams of one holder come and go.
func TestHolderKeepsNothing(t *testing.T) {
	const streams, batch = 10_000, 100
	_, feed, end := started(t)
	defer end()
	s := NewStreams(feed, &Wire{Name: "lines", Format: JSON})
	holder, revoke := route.NewHolder("session/1", "person/anna", "Anna")
	defer revoke()
	for range streams / batch {
		var all sync.WaitGroup
		for range batch {
			r := route.WithGrant(httptest.NewRequest(http.MethodGet, "/", nil), route.Grant{Holder: holder})
			stream, err := s.Open(r, "match", 0)
			if err != nil {
				t.Fatal(err)
			}
			all.Go(func() {
				defer stream.Close()
				stream.Run(t.Context(), func(*Delta) error { return http.ErrHandlerTimeout })
			})
		}
		all.Wait()
	}
	if holder.Watched() {
		t.Error("something waits for the revocation of readers that have left")
	}
}
