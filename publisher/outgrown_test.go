package publisher_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/storage"
)

// hesitant is a source whose reads of posts, or of changes, don't come to an end while it is silent. It counts reads of posts.
type hesitant struct {
	*faulty
	silent    atomic.Bool // for posts
	unmovable atomic.Bool // for changes
	posts     atomic.Int64
}

func (s *hesitant) Changes(ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int) (motacilla.Changes, error) {
	if s.unmovable.Load() {
		<-ctx.Done()
		return motacilla.Changes{}, ctx.Err()
	}
	return s.faulty.Changes(ctx, ch, since, limit)
}

func (s *hesitant) Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	s.posts.Add(1)
	if s.silent.Load() {
		<-ctx.Done()
		return motacilla.Page{}, ctx.Err()
	}
	return s.faulty.Posts(ctx, ch, q)
}

// hesitating returns a fixture whose feed reads from a hesitant source until the test ends.
func hesitating(t *testing.T, o *publisher.FeedOptions) (fixture, *hesitant) {
	t.Helper()
	f := setUp(t, nil)
	source := &hesitant{faulty: f.source}
	f.feed = publisher.NewFeed(source, renderFunc(plain), o)
	if err := f.feed.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.feed.Close() })
	return f, source
}

// rename changes the title of the channel, and who may read it.
func (f *fixture) rename(t *testing.T, access motacilla.Access) {
	t.Helper()
	if _, err := storage.EditChannel(t.Context(), f.store, match, func(c *motacilla.Channel) error {
		c.Title, c.Access = c.Title+"!", access
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestReadersFarBehindDuringASlowStore has more happen than a delta carries. When the store stops to answer reads of posts, readers
// that need a snapshot must get one from memory, whether a reader has asked for one before or not, and however often the log has
// been trimmed since.
func TestReadersFarBehindDuringASlowStore(t *testing.T) {
	const carries = 8
	for _, happened := range []int{carries + 1, 2 * carries, 5 * carries, 20 * carries} {
		t.Run(fmt.Sprint(happened, " posts"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, source := hesitating(t, &publisher.FeedOptions{CatchUp: carries, PageSize: 4})
				behind := f.since(f.head()).Revision
				cursor := behind
				for i := range happened {
					f.post(fmt.Sprint("post ", i))
					d, err := f.feed.Next(t.Context(), match, cursor)
					if err != nil || d.Reset {
						t.Fatalf("%+v, %v", d, err)
					}
					cursor = d.Revision
					synctest.Wait() // until the feed is at rest
				}
				if most := int64(2 * happened / (carries / 2)); source.posts.Load() > most {
					t.Errorf("%d reads of posts for %d posts, want at most %d", source.posts.Load(), happened, most)
				}
				source.silent.Store(true)
				f.post("one more")
				head := f.head()
				for _, from := range []motacilla.Revision{behind, 0} {
					began := time.Now()
					view := new(motacilla.View)
					d := f.since(from)
					if !d.Reset || len(d.Renders) != 4 {
						t.Fatalf("since %d: %+v, want a page", from, d.Update)
					}
					if waited, most := time.Since(began), f.feed.Options().Timeout/3; waited > most {
						t.Errorf("since %d: answered after %v, want at most %v", from, waited, most)
					}
					for { // what is newer follows
						if view.Apply(d.Update, true); view.Revision == head {
							break
						}
						if d = f.since(view.Revision); d.Reset || d.Heartbeat() {
							t.Fatalf("after the page: %+v", d.Update)
						}
					}
					f.same(view)
				}
			})
		})
	}
}

// TestPermissionForASnapshotThatIsNewerThanMemory asks who may read a snapshot while the store does not say what has changed. The
// snapshot has the channel with it, so nobody has to wait.
func TestPermissionForASnapshotThatIsNewerThanMemory(t *testing.T) {
	for _, access := range []motacilla.Access{motacilla.Public, motacilla.Private} {
		t.Run(string(access), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, source := hesitating(t, nil)
				f.since(f.head())
				source.unmovable.Store(true)
				f.rename(t, access)
				began := time.Now()
				page := f.since(0)
				got, err := f.feed.Readable(httptest.NewRequest(http.MethodGet, "/", nil), match, page.Revision)
				if err != nil || got != access || page.Revision != f.head() {
					t.Errorf("a page at %d of %d, %q, %v, want %q", page.Revision, f.head(), got, err, access)
				}
				if waited := time.Since(began); waited > 0 {
					t.Errorf("the reader waited for %v", waited)
				}
			})
		})
	}
}

// TestSnapshotKeptAcrossAGapInTheLog has more happen at once than one read returns, so that the log begins anew. While the store
// answers no reads of posts, the snapshot from before still serves a reader that has nothing.
func TestSnapshotKeptAcrossAGapInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, source := hesitating(t, &publisher.FeedOptions{CatchUp: 8, PageSize: 4})
		f.post("kept")
		before := f.since(0)
		source.unmovable.Store(true)
		source.silent.Store(true)
		for i := range 30 {
			f.post(fmt.Sprint("post ", i))
		}
		source.unmovable.Store(false)
		synctest.Wait()
		if d := f.since(0); !d.Reset || d.Revision != before.Revision || len(d.Renders) != len(before.Renders) {
			t.Errorf("%+v, want the page that was read at %d", d.Update, before.Revision)
		}
	})
}

// TestSnapshotFromBeforeAChannelWasPrivate makes a channel private, and then public again, while the store answers no reads of
// posts. The last snapshot says who may read it and may be cached, so it must not be used after such a change.
func TestSnapshotFromBeforeAChannelWasPrivate(t *testing.T) {
	for _, access := range []motacilla.Access{motacilla.Private, motacilla.Public} {
		t.Run(string(access), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, source := hesitating(t, nil)
				if access == motacilla.Public {
					f.rename(t, motacilla.Private)
					synctest.Wait()
				}
				f.post("before")
				f.since(0)
				source.silent.Store(true)
				f.rename(t, access)
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if d, err := f.feed.Since(ctx, match, 0); !errors.Is(err, motacilla.ErrUnavailable) {
					t.Errorf("%+v, %v, want ErrUnavailable", d, err)
				}
			})
		})
	}
}
