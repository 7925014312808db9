package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

const runViews = `import("/assets/live.js").then(({ View }) => %s.map(steps => {
	const v = new View();
	let query = null;
	const again = steps.map(({update: u, asked, ask, older}) => {
		if (ask) query = v.older();
		if (!older) return v.apply(u, asked === true);
		const posts = Object.entries(u.renders).map(([id, render]) => ({...render, id}));
		return !(query && v.addOlder(query, u.revision, posts, u.complete === true));
	});
	return JSON.stringify({again, revision: v.revision, title: v.title, ended: v.ended, complete: v.complete, gone: v.gone,
		posts: v.posts().map(p => [p.id, p.revision, p.show])});
}))`

type step struct {
	Update *motacilla.Update `json:"update"`
	Asked  bool              `json:"asked"`
	Ask    bool              `json:"ask"`   // the view first asks for older posts
	Older  bool              `json:"older"` // the update is the answer to that
}

// outcome returns what a view in Go holds after steps, in the form of runViews.
func outcome(steps []step) string {
	var v motacilla.View
	again := []bool{}
	var query motacilla.OlderQuery
	for _, s := range steps {
		if s.Ask {
			query, _ = v.Older()
		}
		if u := s.Update; s.Older {
			again = append(again, !v.AddOlder(query, u.Revision, u.Renders, u.Complete))
		} else {
			again = append(again, v.Apply(u, s.Asked))
		}
	}
	posts := [][]any{}
	for _, r := range v.Renders() {
		posts = append(posts, []any{r.ID, r.Revision, r.Show})
	}
	var ended any
	if !v.State.Ended.IsZero() {
		ended = motacilla.FormatTime(v.State.Ended)
	}
	body, _ := json.Marshal(struct {
		Again    []bool             `json:"again"`
		Revision motacilla.Revision `json:"revision"`
		Title    string             `json:"title"`
		Ended    any                `json:"ended"`
		Complete bool               `json:"complete"`
		Gone     bool               `json:"gone"`
		Posts    [][]any            `json:"posts"`
	}{again, v.Revision, v.State.Title, ended, v.Complete, v.Gone, posts})
	return string(body)
}

func TestBrowsersViewIsGosView(t *testing.T) {
	t.Parallel()
	s := newStack(t, "long-polling")
	s.start()
	p := open(t, browser(t), s.site()+"/")
	data, err := os.ReadFile("../page/testdata/view.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct{ Steps []step }
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		cases = append(cases, struct{ Steps []step }{random()})
	}
	var all [][]step
	for _, c := range cases {
		all = append(all, c.Steps)
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	p.eval(fmt.Sprintf(runViews, text), &got)
	if len(got) != len(all) {
		t.Fatalf("%d outcomes of %d cases", len(got), len(all))
	}
	for i, steps := range all {
		if want := outcome(steps); got[i] != want {
			text, _ := json.Marshal(steps)
			t.Fatalf("case %d: %s\ngo      %s\nbrowser %s", i, text, want, got[i])
		}
	}
}

func random() []step {
	var steps []step
	for range 2 + rand.IntN(12) {
		from := motacilla.Revision(rand.IntN(30))
		u := &motacilla.Update{
			Channel: channel, From: from, Revision: from + motacilla.Revision(rand.IntN(12)),
			Reset: rand.IntN(4) == 0, Gone: rand.IntN(40) == 0,
		}
		u.Complete = u.Reset && rand.IntN(2) == 0
		if u.Reset || rand.IntN(5) == 0 {
			u.State = &motacilla.State{Title: fmt.Sprint("title ", rand.IntN(3))}
		}
		for id := range 8 {
			if rand.IntN(3) > 0 {
				continue
			}
			at := time.Unix(int64(rand.IntN(5)), 0).UTC()
			u.Renders = append(u.Renders, motacilla.Render{
				ID: motacilla.PostID(fmt.Sprintf("0190aaaa-0000-7000-8000-%012d", id)), Show: rand.IntN(3) > 0, Created: at,
				Modified: at, Pinned: rand.IntN(4) == 0, Revision: motacilla.Revision(rand.Int64N(int64(u.Revision) + 1)),
			})
		}
		if rand.IntN(3) == 0 {
			u.Removals = append(u.Removals, motacilla.PostID(fmt.Sprintf("0190aaaa-0000-7000-8000-%012d", rand.IntN(8))))
		}
		older := u.Reset && rand.IntN(2) == 0
		steps = append(steps, step{Update: u, Asked: rand.IntN(3) == 0, Ask: rand.IntN(3) == 0, Older: older})
	}
	return steps
}
