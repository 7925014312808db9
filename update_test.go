package motacilla

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const (
	idA = PostID("019aae1e-0000-7000-8000-00000000000a")
	idB = PostID("019aae1e-0000-7000-8000-00000000000b")
)

func render(id PostID, at time.Time, rev Revision) Render {
	return Render{ID: id, Show: true, Content: "<p>" + string(id), Created: at, Modified: at, Revision: rev}
}

func TestUpdateJSON(t *testing.T) {
	at := time.Date(2025, 11, 23, 9, 26, 40, 0, time.UTC)
	edited := time.Date(2025, 11, 23, 10, 26, 41, 500, time.FixedZone("", 3600))
	for name, c := range map[string]struct {
		u    Update
		want string
	}{
		"heartbeat": {Update{Channel: "c", From: 5, Revision: 5}, `{"channel":"c","from":5,"revision":5,"renders":{},"removals":[]}`},
		"change": {Update{Channel: "c", From: 1, Revision: 9, Removals: []PostID{idA},
			Renders: []Render{{idB, true, "<p>&\u2028", at, edited, true, 8}}},
			`{"channel":"c","from":1,"revision":9,"renders":{"` + string(idB) + `":{"show":true,"content":"\u003cp\u003e\u0026\u2028",` +
				`"created":"2025-11-23T09:26:40.000000Z","modified":"2025-11-23T09:26:41.000000Z","pinned":true,"revision":8}},` +
				`"removals":["` + string(idA) + `"]}`},
		"reset": {Update{Channel: "c", Revision: 9, Reset: true, State: &State{Title: `a"b`, Ended: at}},
			`{"channel":"c","from":0,"revision":9,"renders":{},"removals":[],"reset":true,"complete":false,` +
				`"title":"a\"b","ended":"2025-11-23T09:26:40.000000Z"}`},
		"reopened": {Update{Channel: "c", From: 8, Revision: 9, State: &State{Title: ""}},
			`{"channel":"c","from":8,"revision":9,"renders":{},"removals":[],"title":"","ended":null}`},
		"gone": {Update{Channel: "c", From: 8, Revision: 9, Gone: true},
			`{"channel":"c","from":8,"revision":9,"renders":{},"removals":[],"gone":true}`},
	} {
		if got := string(c.u.AppendJSON(nil)); got != c.want {
			t.Errorf("%s: %s\nwant %s", name, got, c.want)
		}
		for _, v := range []any{c.u, &c.u} { // a value is not encoded by its Go names
			if got, err := json.Marshal(v); err != nil || string(got) != c.want {
				t.Errorf("%s: %s, %v", name, got, err)
			}
		}
		if c.u.Heartbeat() != (name == "heartbeat") {
			t.Errorf("%s: heartbeat %t", name, c.u.Heartbeat())
		}
	}
}

func checkString(t interface{ Fatalf(string, ...any) }, s string) {
	got := AppendJSONString([]byte("x"), s)[1:]
	var back string
	if err := json.Unmarshal(got, &back); err != nil || back != strings.ToValidUTF8(s, "\ufffd") && !strings.Contains(back, "\ufffd") {
		t.Fatalf("%q: %s: %q, %v", s, got, back, err)
	}
	std, _ := json.Marshal(s)
	var want string
	if err := json.Unmarshal(std, &want); err != nil || back != want {
		t.Fatalf("%q: %q, encoding/json has %q", s, back, want)
	}
	if i := bytes.IndexAny(got, "<>&\n\r\u2028\u2029"); i >= 0 {
		t.Fatalf("%q: %s has raw %q", s, got, got[i])
	}
}

func TestAppendJSONString(t *testing.T) {
	for _, s := range []string{"", "a\xffb", "\xed\xa0\x80", "\ufffd", "é\u2028\u2029😀",
		"\x00\x1f\x7f\u0085", "</script>", `\"`, "\xe2\x80"} {
		checkString(t, s)
	}
	rapid.Check(t, func(t *rapid.T) {
		checkString(t, string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")))
		checkString(t, rapid.String().Draw(t, "string"))
	})
}

func anyUpdate(t *rapid.T) Update {
	at := rapid.Custom(func(t *rapid.T) time.Time {
		return time.UnixMicro(rapid.Int64Range(-62135596799999999, 253402300799999999).Draw(t, "time")).UTC()
	})
	rev := rapid.Int64Range(0, 1<<62)
	u := Update{Channel: "c", From: Revision(rev.Draw(t, "from")), Revision: Revision(rev.Draw(t, "revision"))}
	for range rapid.IntRange(0, 5).Draw(t, "renders") {
		u.Renders = append(u.Renders, Render{NewPostID(at.Draw(t, "id")), rapid.Bool().Draw(t, "show"),
			rapid.String().Draw(t, "content"), at.Draw(t, "created"), at.Draw(t, "modified"), rapid.Bool().Draw(t, "pinned"),
			Revision(rapid.Int64Range(0, int64(u.Revision)).Draw(t, "revision"))})
	}
	slices.SortFunc(u.Renders, func(a, b Render) int { return a.Key().Compare(b.Key()) })
	u.Removals = make([]PostID, rapid.IntRange(0, 3).Draw(t, "removals"))
	for i := range u.Removals {
		u.Removals[i] = NewPostID(time.Now())
	}
	if u.Reset = rapid.Bool().Draw(t, "reset"); u.Reset {
		u.Complete = rapid.Bool().Draw(t, "complete")
	}
	if rapid.Bool().Draw(t, "state") {
		u.State = &State{Title: rapid.String().Draw(t, "title")}
		if rapid.Bool().Draw(t, "ended") {
			u.State.Ended = at.Draw(t, "ended at")
		}
	}
	u.Gone = rapid.Bool().Draw(t, "gone")
	return u
}

func TestUpdateRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := anyUpdate(t)
		data := u.AppendJSON(nil)
		var back Update
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back, u) {
			t.Fatalf("%s\nwas %+v\nis  %+v", data, u, back)
		}
		last := -1
		for _, r := range u.Renders {
			at := bytes.Index(data, []byte(`"`+string(r.ID)+`":`))
			if at <= last {
				t.Fatalf("%s is out of order in %s", r.ID, data)
			}
			last = at
		}
	})
}

var hostileUpdates = []string{
	``, `null`, `[]`, `{}`, `{"channel":"c","revision":-1}`, `{"channel":"../x"}`, `{"channel":"c","from":-9}`,
	`{"channel":"c","revision":1e3}`, `{"channel":"c","revision":9223372036854775808}`,
	`{"channel":"c","renders":[]}`, `{"channel":"c","renders":{"x":{}}}`, `{"channel":"c","renders":{"` + string(idA) + `":1}}`,
	`{"channel":"c","renders":{"` + string(idA) + `":{"created":"yesterday"}}}`,
	`{"channel":"c","revision":5,"renders":{"` + string(idA) + `":{"revision":6}}}`,
	`{"channel":"c","revision":5,"renders":{"` + string(idA) + `":{"revision":-1}}}`,
	`{"channel":"c","removals":["\"><script>"]}`, `{"channel":"c","removals":{}}`, `{"channel":"c","removals":[null]}`,
	`{"channel":"c","title":"t"}`, `{"channel":"c","ended":null}`, `{"channel":"c","title":"t","ended":"x"}`,
	`{"channel":"c","title":"t","ended":5}`, `{"channel":"c"}x`,
}

func TestHostileUpdates(t *testing.T) {
	for _, s := range hostileUpdates {
		u := Update{Channel: "before"}
		if err := json.Unmarshal([]byte(s), &u); err == nil && s != "null" || u.Channel != "before" {
			t.Errorf("%s: %+v, %v", s, u, err)
		}
	}
	var u Update
	err := json.Unmarshal([]byte(`{"channel":"c","revision":5,"later":{"x":[1]},"removals":["x"]}`), &u)
	if !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	if err := json.Unmarshal([]byte(`{"channel":"c","revision":5,"later":{"x":[1]}}`), &u); err != nil {
		t.Error("a key that is not known:", err)
	}
}

func FuzzUpdateJSON(f *testing.F) {
	for _, s := range hostileUpdates {
		f.Add([]byte(s))
	}
	u := Update{Channel: "c", Revision: 9, Reset: true, State: &State{Title: "t"}, Removals: []PostID{idB},
		Renders: []Render{render(idA, time.UnixMicro(5), 7)}}
	f.Add(u.AppendJSON(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		var u, back Update
		if json.Unmarshal(data, &u) != nil {
			return
		}
		var v View
		v.Apply(&u, true)
		if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
			return
		}
		first := u.AppendJSON(nil)
		if err := json.Unmarshal(first, &back); err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		if again := back.AppendJSON(nil); !bytes.Equal(first, again) {
			// Times finer than a microsecond may change the order once; after that it stands.
			var third Update
			if err := json.Unmarshal(again, &third); err != nil || !bytes.Equal(third.AppendJSON(nil), again) {
				t.Fatalf("%s\n%s\n%v", first, again, err)
			}
		}
		if bytes.ContainsAny(first, "<>&\n\r\u2028\u2029") {
			t.Fatalf("raw characters in %s", first)
		}
	})
}
