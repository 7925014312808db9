//go:build linux

package upgrade

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
)

// twice sends each post from two sources at once, until its result is called, which checks that there is one post for each message.
// The sources keep their connections, which the server closes between two requests when it is upgraded.
func (s *server) twice() (end func()) {
	s.t.Helper()
	const ch motacilla.ChannelID = "twice"
	by, err := client.New(s.url, &client.Options{Token: token, MinWait: 20 * time.Millisecond, Attempts: 100})
	if err != nil {
		s.t.Fatal(err)
	}
	var stop atomic.Bool
	var work sync.WaitGroup
	ids := make(map[string]motacilla.PostID)
	work.Go(func() {
		for i := 0; !stop.Load(); i++ {
			message := fmt.Sprint("message ", i)
			var made [2]client.Post
			var errs [2]error
			var both sync.WaitGroup
			for k := range made {
				both.Go(func() {
					made[k], errs[k] = by.CreatePost(s.t.Context(), ch, client.NewPost{Text: "Rain", MessageID: message})
				})
			}
			both.Wait()
			if err := errors.Join(errs[:]...); err != nil || made[0].ID != made[1].ID {
				s.t.Errorf("%s became the posts %s and %s, %v", message, made[0].ID, made[1].ID, err)
				return
			}
			ids[message] = made[0].ID
		}
	})
	s.t.Cleanup(func() {
		stop.Store(true)
		work.Wait()
		by.CloseIdleConnections()
	})
	return func() {
		stop.Store(true)
		work.Wait()
		posts := 0
		for p, err := range by.Posts(s.t.Context(), ch) {
			if err != nil {
				s.t.Fatal(err)
			}
			if posts++; ids[p.MessageID] != p.ID {
				s.t.Errorf("%s is the post %s, expected %s", p.MessageID, p.ID, ids[p.MessageID])
			}
		}
		if posts != len(ids) {
			s.t.Errorf("there are %d posts of %d messages", posts, len(ids))
		}
		s.t.Logf("%d messages were sent twice", posts)
	}
}
