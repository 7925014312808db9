package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

const (
	demoChannel = motacilla.ChannelID("demo")

	// keepPosts is how many posts stay after a match. A demo may run for weeks.
	keepPosts = 150

	// unhurried is the pause before a step that has none of its own.
	unhurried = 4 * time.Second
)

// match plays one match after another on the demo's channel.
type match struct {
	store storage.Store
	posts map[string]motacilla.PostID // of this match, by the name in the script
}

// fixture is the teams and players of a match. The script's placeholders stand for its fields.
type fixture struct {
	home, away           string
	keeper, striker, mid string // of the home side
	rival, winger        string // of the away side
}

var fixtures = [...]fixture{
	{"Wagtails", "Swifts", "Okafor", "Lindqvist", "Marchetti", "Adeyemi", "Ferreira"},
	{"Kingfishers", "Herons", "Novak", "Duarte", "Hughes", "Sørensen", "Tanaka"},
	{"Plovers", "Wagtails", "Castillo", "Brandt", "N'Diaye", "Lindqvist", "Marchetti"},
}

func (f fixture) title() string { return f.home + " v " + f.away + ", as it happens" }

// fill returns the script's text s with the fixture's names. Both are constants of this program.
func (f fixture) fill(s string) motacilla.HTML {
	return motacilla.TrustedHTML(strings.NewReplacer("{home}", f.home, "{away}", f.away, "{keeper}", f.keeper, "{striker}", f.striker,
		"{mid}", f.mid, "{rival}", f.rival, "{winger}", f.winger).Replace(s))
}

func (m *match) open(ctx context.Context) error {
	_, err := m.store.PutChannel(ctx, motacilla.Channel{ID: demoChannel, Title: fixtures[0].title()}, 0)
	return err
}

// play goes from match to match until ctx ends.
func (m *match) play(ctx context.Context) error {
	for n := 0; ; n++ {
		f := fixtures[n%len(fixtures)]
		m.posts = map[string]motacilla.PostID{}
		if n > 0 {
			if err := m.reopen(ctx, f.title(), time.Time{}); err != nil {
				return err
			}
		}
		for i, s := range script {
			if n > 0 || i >= opening { // a page that is opened at once is not empty
				if !pause(ctx, s.wait) {
					return nil
				}
			}
			if err := m.step(ctx, f, s); err != nil {
				return fmt.Errorf("step %d, %s: %w", i, s.post, err)
			}
		}
		if err := m.reopen(ctx, f.title(), time.Now()); err != nil {
			return err
		}
		if err := m.sweep(ctx); err != nil {
			return err
		}
		if !pause(ctx, 20*time.Second) {
			return nil
		}
	}
}

func (m *match) step(ctx context.Context, f fixture, s step) error {
	id, known := m.posts[s.post]
	switch {
	case !known:
		p, err := m.store.PutPost(ctx, demoChannel, motacilla.Post{
			Source: "demo", Author: s.by, Show: true, Pinned: s.pin, KeyEvent: s.key,
			Content: []motacilla.Block{motacilla.Text(f.fill(s.text))},
		}, 0)
		m.posts[s.post] = p.ID
		return err
	case s.remove:
		_, err := m.store.DeletePost(ctx, demoChannel, id, 0)
		return err
	}
	_, err := storage.Edit(ctx, m.store, demoChannel, id, func(p *motacilla.Post) error {
		p.Show = !s.hide
		p.Pinned = s.pin
		p.KeyEvent = p.KeyEvent || s.key
		if s.text != "" {
			p.Content = []motacilla.Block{motacilla.Text(f.fill(s.text))}
		}
		return nil
	})
	return err
}

// reopen sets the channel's title and the time at which it ended. The zero time reopens the channel.
func (m *match) reopen(ctx context.Context, title string, ended time.Time) error {
	_, err := storage.EditChannel(ctx, m.store, demoChannel, func(c *motacilla.Channel) error {
		c.Title, c.Ended = title, ended
		return nil
	})
	return err
}

// sweep removes the oldest posts beyond keepPosts.
func (m *match) sweep(ctx context.Context) error {
	var q motacilla.Query
	for seen := 0; ; {
		page, err := m.store.Posts(ctx, demoChannel, q)
		if err != nil {
			return err
		}
		for _, p := range page.Posts {
			q.Before = p.Key()
			if seen++; seen > keepPosts {
				if _, err := m.store.DeletePost(ctx, demoChannel, p.ID, 0); err != nil {
					return err
				}
			}
		}
		if !page.More {
			return nil
		}
	}
}

// pause waits. It returns false if ctx ends.
func pause(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		d = unhurried
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
