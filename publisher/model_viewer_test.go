package publisher_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
)

// viewer is a reader.
type viewer struct {
	*world
	name    string
	guarded bool
	step    func(*viewer)

	mu   sync.Mutex
	view motacilla.View
}

func (w *world) follow(v *viewer) {
	v.world = w
	w.readers = append(w.readers, v)
	w.all.Go(func() {
		for w.ctx.Err() == nil {
			v.step(v)
		}
	})
}

func (v *viewer) cursor() motacilla.Revision {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.view.Revision
}

// take applies an update.
func (v *viewer) take(d *publisher.Delta, asked bool) (again bool) {
	if body := string(d.Encode(publisher.JSON)); !strings.Contains(body, fmt.Sprintf(`"revision":%d,`, d.Revision)) {
		v.Errorf("seed %d: %s got the encoding of another update: %s", v.seed, v.name, body)
	}
	if v.guarded && !d.Heartbeat() && !d.Gone && !v.readable(d.Revision) {
		v.Errorf("seed %d: %s got what is private: %+v", v.seed, v.name, d.Update)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	again = v.view.Apply(d.Update, asked)
	if v.view.Gone {
		v.view = motacilla.View{}
	}
	return again
}

func (v *viewer) failed(err error) {
	switch {
	case v.ctx.Err() != nil:
	case errors.Is(err, motacilla.ErrNotFound):
		v.mu.Lock()
		v.view = motacilla.View{}
		v.mu.Unlock()
	case errors.Is(err, motacilla.ErrForbidden) && v.guarded:
	case !errors.Is(err, motacilla.ErrUnavailable):
		v.Errorf("seed %d: %s: %v", v.seed, v.name, err)
	}
	v.pause(2 * time.Second)
}

// poll asks once.
func (v *viewer) poll() {
	d, err := v.feed.Since(v.ctx, match, v.cursor())
	if err != nil {
		v.failed(err)
		return
	}
	if v.take(d, true) {
		v.Errorf("seed %d: %s at %d: the answer does not fit: %+v", v.seed, v.name, v.cursor(), d.Update)
	}
	v.pause(10 * time.Second)
}

// hold asks, and waits for what is new.
func (v *viewer) hold() {
	ctx, cancel := context.WithTimeout(v.ctx, 20*time.Second)
	defer cancel()
	cursor := v.cursor()
	d, err := v.feed.Next(ctx, match, cursor)
	if ctx.Err() != nil {
		d, err = v.feed.Idle(match, cursor), nil
	}
	if err != nil {
		v.failed(err)
		return
	}
	v.take(d, true)
	if v.chance(20) == 0 {
		v.pause(10 * time.Second)
	}
}

// stream follows for a while. It is slow at times.
func (v *viewer) stream() {
	r := httptest.NewRequestWithContext(v.ctx, http.MethodGet, "/", nil)
	if v.guarded {
		r = route.WithGrant(r, route.Grant{WhilePublic: true})
	}
	st, err := v.streams.Open(r, match, v.cursor())
	if err != nil {
		v.failed(err)
		return
	}
	defer st.Close()
	ctx, cancel := context.WithTimeout(v.ctx, time.Duration(1+v.chance(int(40*time.Second))))
	defer cancel()
	asked := true
	end := st.Run(ctx, func(d *publisher.Delta) error {
		if v.chance(30) == 0 {
			v.pause(5 * time.Second)
		}
		again := v.take(d, asked)
		asked = false
		if again {
			return errors.New("the reader asks again")
		}
		return nil
	})
	switch end {
	case publisher.EndLeft, publisher.EndGone, publisher.EndLifetime:
	case publisher.EndForbidden:
		if !v.guarded {
			v.Errorf("seed %d: %s is forbidden", v.seed, v.name)
		}
		v.pause(time.Second)
	default:
		v.Errorf("seed %d: %s ends: %d", v.seed, v.name, end)
	}
}
