package redis

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/storage"
	goredis "github.com/redis/go-redis/v9"
)

// Two nodes whose clocks are an hour apart: one order, nothing lost, whether the clock is theirs or the server's.
func TestClocksApart(t *testing.T) {
	server := realserver.NewRedis(t)
	late := func() time.Time { return time.Now().Add(time.Hour) }
	for name, o := range map[string][2]Options{
		"clocks of their own": {{Clock: late}, {}},
		"the server's":        {{}, {}},
	} {
		t.Run(name, func(t *testing.T) {
			prefix := fresh()
			o[0].Prefix, o[1].Prefix = prefix, prefix
			nodes := []*Store{opened(t, server.URL(), &o[0]), opened(t, server.URL(), &o[1])}
			first := channel(t, nodes[0], "c").Head
			revs := make([][]motacilla.Revision, len(nodes))
			var wg sync.WaitGroup
			for n, s := range nodes {
				wg.Go(func() {
					for i := range 100 {
						p, err := s.PutPost(t.Context(), "c", post(fmt.Sprint(n, i)), 0)
						if err != nil {
							t.Error(err)
							return
						}
						revs[n] = append(revs[n], p.Revision)
					}
				})
			}
			wg.Wait()
			var all []motacilla.Revision
			for _, own := range revs {
				if !slices.IsSorted(own) {
					t.Errorf("a node was given revisions out of order: %v", own)
				}
				all = append(all, own...)
			}
			slices.Sort(all)
			for _, s := range nodes {
				facts, err := s.Changes(t.Context(), "c", first, 0)
				if err != nil || !facts.Known || !slices.Equal(facts.Issued, all) || len(facts.Posts) != len(all) {
					t.Errorf("%d revisions, %d posts, known %v (%v); want %d", len(facts.Issued), len(facts.Posts), facts.Known, err, len(all))
				}
			}
		})
	}
}

// Beyond 2^53 a Lua number is not exact.
func TestRevisionsBeyondDoubles(t *testing.T) {
	s := opened(t, realserver.NewRedis(t).URL(), nil)
	c := channel(t, s, "c")
	kept := text(t, s, "c", "kept")
	for _, at := range []motacilla.Revision{1<<53 + 1, 1<<57 + 1, 1<<62 + 1} {
		rev, err := s.Barrier(t.Context(), "c", at)
		if err != nil || rev != at {
			t.Fatalf("barrier %d is %d (%v)", at, rev, err)
		}
		for i := range motacilla.Revision(3) {
			rev, err = s.DeletePost(t.Context(), "c", post2(t, s, at+2*i+1).ID, 0)
			if err != nil || rev != at+2*i+2 {
				t.Fatalf("revision %d (%v), want %d", rev, err, at+2*i+2)
			}
		}
		facts, err := s.Changes(t.Context(), "c", at, 0)
		if err != nil || !facts.Known || facts.Floor != at || len(facts.Issued) != 6 || len(facts.Removed) != 3 {
			t.Fatalf("since %d: %+v (%v)", at, facts, err)
		}
		for _, since := range []motacilla.Revision{at - 1, at + 7, c.Head} {
			if facts, err := s.Changes(t.Context(), "c", since, 0); err != nil || facts.Known {
				t.Errorf("since %d: %+v (%v)", since, facts, err)
			}
		}
	}
	// A post that is made without a time would be of the year 10,000.
	if _, err := s.PutPost(t.Context(), "c", post("late"), 0); !errors.Is(err, motacilla.ErrInvalid) {
		t.Errorf("a post of the year 148,000: %v", err)
	}
	p, err := storage.Edit(t.Context(), s, "c", kept.ID, func(p *motacilla.Post) error { p.Author = "x"; return nil })
	if err != nil || !p.Modified.Equal(p.Revision.Time()) {
		t.Fatalf("%+v (%v)", p, err)
	}
	if read, err := s.Post(t.Context(), "c", kept.ID); err != nil || !read.Modified.Equal(p.Modified) || !read.Created.Equal(kept.Created) {
		t.Errorf("%+v (%v), want %+v", read, err, p)
	}
	if _, err := s.Barrier(t.Context(), "c", 1<<63-1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.DeletePost(t.Context(), "c", kept.ID, 0); !errors.Is(err, motacilla.ErrUnavailable) ||
		!strings.Contains(err.Error(), "no revision is left") {
		t.Errorf("after the last revision: %v", err)
	}
}

func post2(t *testing.T, s *Store, want motacilla.Revision) motacilla.Post {
	t.Helper()
	p := post("dated")
	p.Created = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p, err := s.PutPost(t.Context(), "c", p, 0)
	if err != nil || p.Revision != want {
		t.Fatalf("revision %d (%v), want %d", p.Revision, err, want)
	}
	return p
}

// Scripts that the server has forgotten are sent again.
func TestScriptsFlushed(t *testing.T) {
	server := realserver.NewRedis(t)
	s := opened(t, server.URL(), nil)
	channel(t, s, "c")
	for i := range 3 {
		server.Do(t, "SCRIPT", "FLUSH")
		p := text(t, s, "c", strconv.Itoa(i))
		server.Do(t, "SCRIPT", "FLUSH")
		if page, err := s.Posts(t.Context(), "c", motacilla.Query{}); err != nil || page.Posts[0].ID != p.ID {
			t.Errorf("%+v (%v)", page, err)
		}
	}
	server.Do(t, "FLUSHALL")
	if _, err := s.PutPost(t.Context(), "c", post("x"), 0); !errors.Is(err, motacilla.ErrNotFound) {
		t.Errorf("after FLUSHALL: %v", err)
	}
	if list, err := s.Channels(t.Context(), "", 0); err != nil || len(list) > 0 {
		t.Errorf("after FLUSHALL: %v (%v)", list, err)
	}
	channel(t, s, "c")
	text(t, s, "c", "anew")
}

// A server that is full refuses writes, and keeps nothing of them.
func TestFullMemory(t *testing.T) {
	server := realserver.NewRedis(t)
	s := opened(t, server.URL(), nil)
	channel(t, s, "c")
	p := text(t, s, "c", "one")
	server.Do(t, "CONFIG", "SET", "maxmemory", "1")
	before := server.Do(t, "DEBUG", "DIGEST")
	for what, do := range map[string]func() error{
		"create channel": func() error { _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "d"}, 0); return err },
		"update channel": func() error {
			_, err := storage.EditChannel(t.Context(), s, "c", func(c *motacilla.Channel) error { c.Title = "x"; return nil })
			return err
		},
		"delete channel": func() error { _, err := s.DeleteChannel(t.Context(), "c"); return err },
		"create post":    func() error { _, err := s.PutPost(t.Context(), "c", post("x"), 0); return err },
		"update post": func() error {
			_, err := storage.Edit(t.Context(), s, "c", p.ID, func(p *motacilla.Post) error { p.Author = "x"; return nil })
			return err
		},
		"delete post": func() error { _, err := s.DeletePost(t.Context(), "c", p.ID, 0); return err },
		"barrier":     func() error { _, err := s.Barrier(t.Context(), "c", 0); return err },
	} {
		if err := do(); !errors.Is(err, motacilla.ErrUnavailable) || !strings.Contains(err.Error(), "OOM") {
			t.Errorf("%s: %v", what, err)
		}
		if now := server.Do(t, "DEBUG", "DIGEST"); now != before {
			t.Errorf("%s wrote something", what)
		}
	}
	if page, err := s.Posts(t.Context(), "c", motacilla.Query{}); err != nil || len(page.Posts) != 1 {
		t.Errorf("a read: %+v (%v)", page, err)
	}
	server.Do(t, "CONFIG", "SET", "maxmemory", "0")
	text(t, s, "c", "when there is room again")
}

// A channel whose making broke off after its entry in the index was made is not there, and can be made.
func TestIndexWithoutChannel(t *testing.T) {
	server := realserver.NewRedis(t)
	s := opened(t, server.URL(), nil)
	for _, id := range []string{"a", "c", "e"} {
		server.Do(t, "ZADD", s.keys.index(), "0", id)
	}
	channel(t, s, "b")
	channel(t, s, "d")
	for _, limit := range []int{1, 2, 50} {
		var listed []motacilla.ChannelID
		for after := motacilla.ChannelID(""); ; after = listed[len(listed)-1] {
			list, err := s.Channels(t.Context(), after, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range list {
				listed = append(listed, c.ID)
			}
			if len(list) == 0 {
				break
			}
		}
		if !slices.Equal(listed, []motacilla.ChannelID{"b", "d"}) {
			t.Errorf("channels by %d: %v", limit, listed)
		}
	}
	records, err := s.ChannelRecords(t.Context(), "", 50)
	if err != nil || len(records) != 2 {
		t.Errorf("records: %v (%v)", records, err)
	}
	channel(t, s, "c")
}

func TestDeletedChannelForgets(t *testing.T) {
	s := opened(t, realserver.NewRedis(t).URL(), nil)
	channel(t, s, "c")
	log := s.keys.channel("c")[7]
	const old = storage.Remember + 25_000 // more than one script takes out
	for first := 1; first <= old; first += 5000 {
		var members []goredis.Z
		for i := range 5000 {
			members = append(members, goredis.Z{Member: revisionText(motacilla.Revision(first + i))})
		}
		if err := s.server.link.Load().reads.ZAdd(t.Context(), log, members...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.DeleteChannel(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	for since, want := range map[motacilla.Revision]bool{1: false, 25_002: false, 25_003: true, old: true} {
		facts, err := s.Changes(t.Context(), "c", since, 0)
		if err != nil || !facts.Deleted || facts.Known != want {
			t.Errorf("since %d: %+v (%v), want known %v", since, facts, err, want)
		}
	}
	keys, err := s.server.link.Load().reads.Keys(t.Context(), string(s.keys)+"{c}*").Result()
	slices.Sort(keys)
	if want := []string{s.keys.row("c"), log}; err != nil || !slices.Equal(keys, want) {
		t.Errorf("a deleted channel has the keys %v (%v), want %v", keys, err, want)
	}
}

// Installations with prefixes of their own do not meet.
func TestPrefixes(t *testing.T) {
	server := realserver.NewRedis(t)
	a, b := opened(t, server.URL(), &Options{Prefix: "a:"}), opened(t, server.URL(), &Options{Prefix: "a:b:"})
	w := watched(t, b)
	channel(t, a, "c")
	text(t, a, "c", "of a")
	made := channel(t, b, "c")
	w.reaches(t, "c", made.Head)
	if page, err := b.Posts(t.Context(), "c", motacilla.Query{}); err != nil || len(page.Posts) > 0 || page.Head != made.Head {
		t.Errorf("%+v (%v)", page, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.heads) != 1 || w.heads["c"].Head != made.Head {
		t.Errorf("told of %v", w.heads)
	}
	if _, err := Open(t.Context(), server.URL(), &Options{Prefix: "a{b}"}); !errors.Is(err, motacilla.ErrInvalid) {
		t.Errorf("a prefix with braces: %v", err)
	}
}
