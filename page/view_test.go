package page_test

import (
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"github.com/motacilla-live/motacilla"
)

// viewCase is one sequence of updates. e2e runs the same file through the browser's view.
type viewCase struct {
	Name  string
	Steps []struct {
		Update *motacilla.Update
		Asked  bool
		Again  bool
		Ask    bool // first asks for older posts
		Older  bool // the update is the answer to that
	}
	Want json.RawMessage
}

func TestViewVectors(t *testing.T) {
	data, err := os.ReadFile("testdata/view.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []viewCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			var v motacilla.View
			var query motacilla.OlderQuery
			for i, step := range c.Steps {
				if step.Ask {
					query, _ = v.Older()
				}
				u, again := step.Update, false
				if step.Older {
					again = !v.AddOlder(query, u.Revision, u.Renders, u.Complete)
				} else {
					again = v.Apply(u, step.Asked)
				}
				if again != step.Again {
					t.Errorf("step %d: again is %v", i, again)
				}
			}
			var got, want any
			if err := json.Unmarshal(describe(&v), &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(c.Want, &want); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

func describe(v *motacilla.View) []byte {
	posts := [][]any{}
	for _, r := range v.Renders() {
		posts = append(posts, []any{r.ID, r.Revision, r.Show})
	}
	var ended any
	if !v.State.Ended.IsZero() {
		ended = motacilla.FormatTime(v.State.Ended)
	}
	body, _ := json.Marshal(map[string]any{
		"revision": v.Revision, "title": v.State.Title, "ended": ended, "complete": v.Complete, "gone": v.Gone, "posts": posts,
	})
	return body
}
