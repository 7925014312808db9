package motacilla

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

func post(n int, rev Revision) Render {
	at := time.UnixMicro(int64(n) * 1000).UTC()
	return render(PostID("019aae1e-0000-7000-8000-0000000000"+string(rune('a'+n/10))+string(rune('0'+n%10))), at, rev)
}

func pinned(r Render) Render { r.Pinned = true; return r }

func ids(n ...int) []PostID {
	list := make([]PostID, 0, len(n))
	for _, i := range n {
		list = append(list, post(i, 0).ID)
	}
	return list
}

func held(v *View) []PostID {
	list := make([]PostID, 0)
	for _, r := range v.Renders() {
		list = append(list, r.ID)
	}
	return list
}

func step(from, to Revision, renders ...Render) *Update {
	return &Update{Channel: "c", From: from, Revision: to, Renders: renders}
}

func reset(to Revision, complete bool, renders ...Render) *Update {
	return &Update{Channel: "c", Revision: to, Renders: renders, Reset: true, Complete: complete, State: &State{Title: "t"}}
}

func removal(from, to Revision, n ...int) *Update {
	return &Update{Channel: "c", From: from, Revision: to, Removals: ids(n...)}
}

type applied struct {
	u     *Update
	asked bool
	again bool
}

func TestViewRules(t *testing.T) {
	hidden := post(11, 22)
	hidden.Show, hidden.Content = false, Stub(hidden.ID)
	gone := &Update{Channel: "c", From: 20, Revision: 30, Gone: true}
	retitled := &Update{Channel: "c", From: 20, Revision: 21, State: &State{Title: "u"}}
	start := applied{reset(20, false, post(10, 10), post(11, 11), post(12, 12)), true, false}
	for name, c := range map[string]struct {
		steps []applied
		rev   Revision
		holds []PostID
	}{
		"first reset": {[]applied{start}, 20, ids(10, 11, 12)},
		"applied twice": {[]applied{start, {step(20, 21, post(13, 21)), false, false},
			{step(20, 21, post(13, 21)), false, false}}, 21, ids(10, 11, 12, 13)},
		"late":                 {[]applied{start, {step(18, 19, post(14, 19)), false, false}}, 20, ids(10, 11, 12)},
		"ends where it is":     {[]applied{start, {step(5, 20, post(14, 19)), false, false}}, 20, ids(10, 11, 12)},
		"a gap":                {[]applied{start, {step(21, 22, post(13, 22)), false, true}}, 20, ids(10, 11, 12)},
		"an answer with a gap": {[]applied{start, {step(21, 22, post(13, 22)), true, true}}, 20, ids(10, 11, 12)},
		"merged": {[]applied{start, {step(20, 21, post(13, 21)), false, false},
			{step(15, 23, post(13, 21), post(14, 23)), false, false}}, 23, ids(10, 11, 12, 13, 14)},
		"heartbeat":              {[]applied{start, {step(20, 20), false, false}}, 20, ids(10, 11, 12)},
		"heartbeat ahead":        {[]applied{start, {step(25, 25), false, true}}, 20, ids(10, 11, 12)},
		"removed":                {[]applied{start, {removal(20, 21, 11), false, false}}, 21, ids(10, 12)},
		"reset asked for, older": {[]applied{start, {reset(5, true, post(1, 1)), true, false}}, 5, ids(1)},
		"reset asked for, same":  {[]applied{start, {reset(20, true, post(1, 1)), true, false}}, 20, ids(1)},
		"reset not asked, newer": {[]applied{start, {reset(30, true, post(1, 1)), false, false}}, 30, ids(1)},
		"reset not asked, same":  {[]applied{start, {reset(20, true, post(1, 1)), false, false}}, 20, ids(10, 11, 12)},
		"reset not asked, older": {[]applied{start, {reset(5, true, post(1, 1)), false, true}}, 20, ids(10, 11, 12)},
		"hidden keeps its place": {[]applied{start, {step(20, 22, hidden), false, false}}, 22, ids(10, 11, 12)},
		"below the floor":        {[]applied{start, {step(20, 21, post(5, 21)), false, false}}, 21, ids(10, 11, 12)},
		"below the floor, pinned": {[]applied{start,
			{step(20, 21, pinned(post(5, 21))), false, false}}, 21, ids(5, 10, 11, 12)},
		"unpinned below the floor": {[]applied{start, {step(20, 21, pinned(post(5, 21))), false, false},
			{step(21, 22, post(5, 22)), false, false}}, 22, ids(10, 11, 12)},
		"pinned sets no floor": {[]applied{{reset(20, false, pinned(post(5, 5)), post(10, 10)), true, false},
			{step(20, 22, post(7, 21), post(11, 22)), false, false}}, 22, ids(5, 10, 11)},
		"all pinned, the newest is the floor": {[]applied{{reset(20, false, pinned(post(5, 5)), pinned(post(8, 8))), true, false},
			{step(20, 22, post(6, 21), post(9, 22)), false, false}}, 22, ids(5, 8, 9)},
		"complete, no floor": {[]applied{{reset(20, true, post(10, 10)), true, false},
			{step(20, 21, post(3, 21)), false, false}}, 21, ids(3, 10)},
		"first is a step from 0": {[]applied{{step(0, 3, post(1, 3)), true, false}}, 3, ids(1)},
		"first is a later step":  {[]applied{{step(2, 3, post(1, 3)), true, true}}, 0, ids()},
		"gone":                   {[]applied{start, {gone, false, false}}, 30, ids(10, 11, 12)},
		"made again after gone":  {[]applied{start, {gone, false, false}, {reset(40, true), false, false}}, 40, ids()},
		"gone, late": {[]applied{start, {step(20, 31, post(13, 31)), false, false},
			{gone, false, false}}, 31, ids(10, 11, 12, 13)},
		"retitled, twice": {[]applied{start, {retitled, false, false},
			{retitled, false, false}}, 21, ids(10, 11, 12)},
	} {
		t.Run(name, func(t *testing.T) {
			var v View
			for i, s := range c.steps {
				if again := v.Apply(s.u, s.asked); again != s.again {
					t.Fatalf("step %d: again %t", i, again)
				}
			}
			if v.Revision != c.rev || !slices.Equal(held(&v), c.holds) {
				t.Errorf("at %d holds %v; want %d, %v", v.Revision, held(&v), c.rev, c.holds)
			}
			if v.Gone != (name == "gone") || (v.State.Title == "u") != (name == "retitled, twice") {
				t.Errorf("gone %t, title %q", v.Gone, v.State.Title)
			}
		})
	}
}

func TestViewKeepsTheNewerRender(t *testing.T) {
	var v View
	v.Apply(reset(20, false, post(10, 10), post(11, 20)), true)
	old := post(11, 5)
	old.Content = "old"
	v.Apply(step(15, 21, old), false)
	addOlder(t, &v, 21, false, old)
	if got := v.Renders(); got[1] != post(11, 20) {
		t.Errorf("%+v", got)
	}
}

func TestViewBackdated(t *testing.T) {
	var v View
	v.Apply(reset(20, false, post(10, 10), post(12, 12)), true)
	moved := post(12, 21)
	moved.Created = post(11, 0).Created.Add(-time.Microsecond)
	v.Apply(step(20, 21, moved), false)
	if got := held(&v); !slices.Equal(got, ids(10, 12)) || v.Renders()[1] != moved {
		t.Errorf("%v", v.Renders())
	}
	moved.Created, moved.Revision = post(3, 0).Created, 22
	v.Apply(step(21, 22, moved), false)
	if got := held(&v); !slices.Equal(got, ids(10)) {
		t.Errorf("below the floor, but %v", got)
	}
}

func TestViewAddOlder(t *testing.T) {
	var v View
	v.Apply(reset(20, false, pinned(post(1, 1)), post(10, 10)), true)
	v.Apply(removal(20, 21, 8), false) // it was below the floor, and is on its way in an older listing
	addOlder(t, &v, 20, false, post(9, 9), post(8, 8), pinned(post(7, 7)))
	if got := held(&v); !slices.Equal(got, ids(1, 7, 9, 10)) || v.Floor() != post(7, 0).Key() || v.Complete {
		t.Fatalf("%v above %v", got, v.Floor())
	}
	v.Apply(step(21, 23, post(8, 23), post(6, 22)), false) // made again under its ID: newer than its removal
	if got := held(&v); !slices.Equal(got, ids(1, 7, 8, 9, 10)) {
		t.Fatalf("%v", got)
	}
	addOlder(t, &v, 23, true, post(6, 22), post(5, 5))
	if got := held(&v); !slices.Equal(got, ids(1, 5, 6, 7, 8, 9, 10)) || !v.Floor().IsZero() || !v.Complete {
		t.Fatalf("%v above %v", got, v.Floor())
	}
	if q, ok := v.Older(); ok {
		t.Errorf("a complete view asks for %+v", q)
	}
	v.Apply(reset(30, false, post(10, 10)), false)
	if !slices.Equal(held(&v), ids(10)) || v.Complete || v.Floor() != post(10, 0).Key() {
		t.Error("a reset did not replace what was loaded")
	}
}

// addOlder gives v the answer to its query for older posts.
func addOlder(t *testing.T, v *View, at Revision, complete bool, renders ...Render) {
	t.Helper()
	if q, ok := v.Older(); !ok || !v.AddOlder(q, at, renders, complete) {
		t.Fatalf("older posts at %d were not taken", at)
	}
}

func TestViewRefusesOlderPostsThatDoNotFit(t *testing.T) {
	start := func() *View {
		var v View
		v.Apply(reset(20, false, post(10, 10), post(11, 11)), true)
		return &v
	}
	older := []Render{post(9, 9), post(8, 8)}
	for name, answer := range map[string]func(v *View, q OlderQuery) bool{
		"asked for before a reset": func(v *View, q OlderQuery) bool {
			v.Apply(reset(30, false, post(20, 20), post(21, 21)), false)
			return v.AddOlder(q, 40, older, true)
		},
		"asked for before a reset to the same page": func(v *View, q OlderQuery) bool {
			v.Apply(reset(20, false, post(10, 10), post(11, 11)), true)
			return v.AddOlder(q, 40, older, true)
		},
		"of a revision before the reset": func(v *View, q OlderQuery) bool { return v.AddOlder(q, 19, older, true) },
		"of another view":                func(_ *View, q OlderQuery) bool { return start().AddOlder(q, 20, older, true) },
		"not asked for":                  func(v *View, _ OlderQuery) bool { return v.AddOlder(OlderQuery{}, 20, older, true) },
		"to an empty view":               func(*View, OlderQuery) bool { return new(View).AddOlder(OlderQuery{}, 20, older, true) },
	} {
		t.Run(name, func(t *testing.T) {
			v := start()
			q, ok := v.Older()
			if !ok || q.Before != post(10, 0).Key() {
				t.Fatalf("asks for %+v, %v", q, ok)
			}
			if answer(v, q) {
				t.Error("they were taken")
			}
			if slices.Contains(held(v), older[0].ID) || v.Complete {
				t.Errorf("holds %v, complete %v", held(v), v.Complete)
			}
		})
	}
}

func TestViewOwnsWhatItHolds(t *testing.T) {
	var v View
	u := reset(20, true, post(10, 10))
	v.Apply(u, true)
	u.Renders[0], u.State.Title = post(11, 11), "later"
	list := v.Renders()
	list[0] = post(12, 12)
	if !reflect.DeepEqual(v.Renders(), []Render{post(10, 10)}) || v.State.Title != "t" {
		t.Error(v.Renders(), v.State)
	}
}
