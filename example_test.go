package motacilla_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
)

func ExampleUpdate() {
	at := time.Date(2025, 11, 23, 9, 26, 40, 0, time.UTC)
	data, err := json.MarshalIndent(motacilla.Update{
		Channel:  "match-42",
		From:     1763890000000000,
		Revision: 1763890000456789,
		Renders: []motacilla.Render{{
			ID: "019ab000-0000-7000-8000-000000000001", Show: true, Content: "Goal!", Created: at, Modified: at,
			Revision: 1763890000456789,
		}},
	}, "", "  ")
	fmt.Println(string(data), err)

	var u motacilla.Update
	err = json.Unmarshal(data, &u)
	fmt.Println(u.Renders[0].Content, u.Revision.Timestamp(), u.Heartbeat(), err)
	// Output:
	// {
	//   "channel": "match-42",
	//   "from": 1763890000000000,
	//   "revision": 1763890000456789,
	//   "renders": {
	//     "019ab000-0000-7000-8000-000000000001": {
	//       "show": true,
	//       "content": "Goal!",
	//       "created": "2025-11-23T09:26:40.000000Z",
	//       "modified": "2025-11-23T09:26:40.000000Z",
	//       "pinned": false,
	//       "revision": 1763890000456789
	//     }
	//   },
	//   "removals": []
	// } <nil>
	// Goal! 1763890000.456789 false <nil>
}

func ExampleView() {
	at := time.Date(2025, 11, 23, 9, 26, 40, 0, time.UTC)
	render := func(n int, content string, rev motacilla.Revision) motacilla.Render {
		id := motacilla.PostID(fmt.Sprintf("019ab000-0000-7000-8000-%012d", n))
		created := at.Add(time.Duration(n) * time.Minute)
		return motacilla.Render{ID: id, Show: true, Content: content, Created: created, Modified: created, Revision: rev}
	}
	var v motacilla.View
	show := func(again bool) {
		fmt.Print("at ", v.Revision, ", ask again ", again, ":")
		for _, r := range v.Renders() {
			fmt.Print(" ", r.Content)
		}
		fmt.Println()
	}
	first := &motacilla.Update{Revision: 10, Reset: true, Complete: true, Renders: []motacilla.Render{render(1, "Kick-off", 10)}}
	goal := &motacilla.Update{From: 10, Revision: 11, Renders: []motacilla.Render{render(2, "Goal?", 11)}}
	show(v.Apply(first, true))
	show(v.Apply(goal, false))
	show(v.Apply(goal, false)) // twice does no harm
	show(v.Apply(&motacilla.Update{From: 12, Revision: 13}, false))
	show(v.Apply(&motacilla.Update{From: 11, Revision: 13, Renders: []motacilla.Render{render(2, "Goal!", 12)}}, true))
	// Output:
	// at 10, ask again false: Kick-off
	// at 11, ask again false: Kick-off Goal?
	// at 11, ask again false: Kick-off Goal?
	// at 11, ask again true: Kick-off Goal?
	// at 13, ask again false: Kick-off Goal!
}
