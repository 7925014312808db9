package webapp_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

type bad struct {
	method, target, body string
	status               int
	field                string
	header               []string
}

// Every kind of bad input, at every endpoint, is answered with a 4xx that names the field, and changes nothing.
func TestBadInput(t *testing.T) {
	s := serve(t, nil)
	s.want(t, 201, "POST", "/api/channels", `{"id":"c","title":"C"}`)
	p := s.want(t, 201, "POST", "/api/channels/c/posts", `{"text":"x","message_id":"m"}`)
	const channels, channel, posts = "/api/channels", "/api/channels/c", "/api/channels/c/posts"
	post := posts + "/" + p["id"].(string)
	long := func(n int) string { return strings.Repeat("x", n) }

	var cases []bad
	bodies := map[string]string{"POST " + channels: `"id":"n"`, "PATCH " + channel: `"title":"n"`,
		"POST " + posts: `"text":"n"`, "PATCH " + post: `"author":"n"`}
	for endpoint, good := range bodies {
		method, target, _ := strings.Cut(endpoint, " ")
		add := func(status int, field, body string, header ...string) {
			cases = append(cases, bad{method, target, body, status, field, header})
		}
		for _, body := range []string{`{`, `}`, `[]`, `null`, `"x"`, `1`, `{} {}`, `{}x`, `{'a':1}`, ` `, `{a:1}`,
			"\xef\xbb\xbf{}", `{}` + "\x00", `NaN`, `{/**/}`, `{,}`} {
			add(400, "body", body)
		}
		add(400, "body", `{`+good+`}{}`)
		add(400, "body", `{`+good+`,}`)
		add(400, "unknown", `{`+good+`,"unknown":1}`)
		add(400, strings.Split(good, `"`)[1], `{`+good+`,`+good+`}`)
		name := strings.Split(good, `"`)[1]
		upper := strings.ToUpper(name)
		add(400, upper, `{"`+upper+`":"n"}`)
		for _, value := range []string{`1`, `true`, `null`, `[]`, `{}`, `1e400`,
			`"\ud800"`, `"\udc00x"`, "\"\xff\"", `"a\u0000"`, "\"\x01\""} {
			add(400, name, `{"`+name+`":`+value+`}`)
		}
		add(400, "x"+strings.Repeat("[0]", 31),
			`{"x":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`}`)
		add(413, "body", `{`+good+strings.Repeat(" ", 1<<20)+`}`)
		for _, media := range []string{"text/plain", "application/json; charset=latin1", "application/x-www-form-urlencoded",
			"application/json; x=y", "x", "application/json, text/plain"} {
			add(415, "Content-Type", `{`+good+`}`, "Content-Type", media)
		}
		add(415, "Content-Encoding", `{`+good+`}`, "Content-Encoding", "gzip")
	}
	times := []string{``, `nan`, `inf`, `-1`, `1e400`, `9223372036854775808`, `2026-01-02`, `2026-13-01T00:00:00Z`,
		`2026-01-02T03:04:05`, `2026-01-02T03:04:05,5Z`, `0000-01-01T00:00:00Z`, `10000-01-01T00:00:00Z`,
		`0001-01-01T00:00:00Z`, `0001-01-01T00:00:00+01:00`, `9999-12-31T23:59:59-01:00`, `2026-02-30T00:00:00Z`}
	for _, at := range times {
		cases = append(cases,
			bad{"POST", posts, `{"text":"x","created":"` + at + `"}`, 400, "created", nil},
			bad{"PATCH", post, `{"created":"` + at + `"}`, 400, "created", nil},
			bad{"PATCH", channel, `{"ended":"` + at + `"}`, 400, "ended", nil})
	}
	for _, id := range []string{``, `.`, `..`, `a b`, `a/b`, `ä`, `a?`, long(256), `\u0000`} {
		cases = append(cases, bad{"POST", channels, `{"id":"` + id + `"}`, 400, "id", nil})
	}
	for _, id := range []string{"a%20b", "a%2Fb", "%C3%A4", "%00", "%FF", long(256), "a,b"} {
		for _, tail := range []string{"", "/posts"} {
			cases = append(cases, bad{"GET", channels + "/" + id + tail, "", 400, "channel_id", nil})
		}
		cases = append(cases,
			bad{"PATCH", channels + "/" + id, `{}`, 400, "channel_id", nil},
			bad{"DELETE", channels + "/" + id, ``, 400, "channel_id", nil},
			bad{"POST", channels + "/" + id + "/posts", `{"text":"x"}`, 400, "channel_id", nil},
			bad{"GET", channels + "?after=" + id, "", 400, "after", nil})
	}
	upper := strings.ToUpper(p["id"].(string))
	for _, id := range []string{"x", "1", upper, "00000000-0000-4000-8000-000000000000", "%00", "..%2F.."} {
		cases = append(cases,
			bad{"GET", posts + "/" + id, "", 400, "post_id", nil},
			bad{"PATCH", posts + "/" + id, `{}`, 400, "post_id", nil},
			bad{"DELETE", posts + "/" + id, "", 400, "post_id", nil})
	}
	for _, v := range []string{"", "nan", "inf", "1e400", "-1", "9223372036854775808", "0", "101",
		"+1", "01", "1.0", " 1", "٣", "\x00"} {
		cases = append(cases,
			bad{"GET", posts + "?limit=" + url.QueryEscape(v), "", 400, "limit", nil},
			bad{"GET", channels + "?limit=" + url.QueryEscape(v), "", 400, "limit", nil})
		id := p["id"].(string)
		for _, before := range []string{v, v + "_" + id, "1_" + v} {
			if before != "0_"+id && before != "-1_"+id && before != "101_"+id {
				cases = append(cases, bad{"GET", posts + "?before=" + url.QueryEscape(before), "", 400, "before", nil})
			}
		}
	}
	content := func(blocks string) string { return `{"content":` + blocks + `}` }
	text := func(s string) string { return `[{"type":"text","value":{"text":"` + s + `"}}]` }
	for _, c := range []struct{ field, body string }{
		{"text", `{"text":"x","content":` + text("x") + `}`}, {"text", `{"text":""}`}, {"text", `{"text":" \n "}`},
		{"text", `{"text":"` + long(65<<10) + `"}`}, {"text", `{"text":"` + strings.Repeat(`x\n`, 1001) + `"}`},
		{"content", content(`[]`)}, {"content", content(`{}`)}, {"content", content(`null`)}, {"content", content(`"x"`)},
		{"content[0]", content(`["x"]`)}, {"content[0].type", content(`[null]`)}, {"content[0].type", content(`[{}]`)},
		{"content[0].type", content(`[{"type":"html","value":{}}]`)}, {"content[0].type", content(`[{"type":1,"value":{}}]`)},
		{"content[0].value", content(`[{"type":"text"}]`)}, {"content[0].value", content(`[{"type":"text","value":null}]`)},
		{"content[0].value", content(`[{"type":"text","value":"x"}]`)},
		{"content[0].x", content(`[{"type":"text","value":{"text":"x"},"x":1}]`)},
		{"content[0].value.x", content(`[{"type":"text","value":{"text":"x","x":1}}]`)},
		{"content[0].value.text", content(`[{"type":"text","value":{}}]`)},
		{"content[0].value.text", content(`[{"type":"text","value":{"text":null}}]`)},
		{"content[0].value.text", content(text(long(65 << 10)))},
		{"content[0].value.text", content(text(`\u0000`))},
		{"content[0].value.url", content(`[{"type":"text","value":{"text":"x","url":"https://e.example/"}}]`)},
		{"content[1].value.url", content(`[{"type":"text","value":{"text":"x"}},{"type":"embed","value":{}}]`)},
		{"content[0].value.url", content(`[{"type":"embed","value":{"url":"javascript:alert(1)"}}]`)},
		{"content[0].value.url", content(`[{"type":"embed","value":{"url":"/x"}}]`)},
		{"content[0].value.away", content(`[{"type":"score","value":{"home":"A"}}]`)},
		{"content[0].value.home", content(`[{"type":"score","value":{"home":"","away":"B"}}]`)},
		{"content[0].value.note", content(`[{"type":"score","value":{"home":"A","away":"B","note":"` + strings.Repeat("x", 51) + `"}}]`)},
		{"content[0].value.home", content(`[{"type":"text","value":{"text":"x","home":"A"}}]`)},
		{"content[0].value.url", content(`[{"type":"image","value":{"url":"data:image/png,x"}}]`)},
		{"content[0].value.url", content(`[{"type":"image","value":{"url":"//e.example/x"}}]`)},
		{"content[0].value.url", content(`[{"type":"image","value":{"url":"https://e.example/` + long(2048) + `"}}]`)},
		{"content[0].value.alt",
			content(`[{"type":"image","value":{"url":"https://e.example/","alt":"` + long(2001) + `"}}]`)},
		{"content[0].value.width", content(`[{"type":"image","value":{"url":"https://e.example/","width":-1}}]`)},
		{"content[0].value.width", content(`[{"type":"image","value":{"url":"https://e.example/","width":1.5}}]`)},
		{"content[0].value.height", content(`[{"type":"image","value":{"url":"https://e.example/","height":1e400}}]`)},
		{"content[0].value.height", content(`[{"type":"image","value":{"url":"https://e.example/","height":65537}}]`)},
		{"content", content("[" + strings.Repeat(`{"type":"text","value":{"text":"x"}},`, 1000) + text("x")[1:])},
		{"content", content(strings.TrimSuffix(text(long(33<<10)), "]") + "," + text(long(33 << 10))[1:])},
		{"author", `{"text":"x","author":"` + long(256) + `"}`}, {"author", `{"text":"x","author":1}`},
		{"author", `{"text":"x","author":null}`}, {"show", `{"text":"x","show":"true"}`},
		{"show", `{"text":"x","show":null}`},
		{"pinned", `{"text":"x","pinned":1}`}, {"key_event", `{"text":"x","key_event":[]}`},
		{"created", `{"text":"x","created":1}`},
		{"created", `{"text":"x","created":null}`}, {"id", `{"text":"x","id":"x"}`},
		{"revision", `{"text":"x","revision":1}`},
	} {
		cases = append(cases, bad{"POST", posts, c.body, 400, c.field, nil}, bad{"PATCH", post, c.body, 400, c.field, nil})
	}
	for _, c := range []struct{ field, body string }{
		{"text", `{}`}, {"text", `{"author":"x"}`}, {"message_id", `{"text":"x","message_id":""}`},
		{"message_id", `{"text":"x","message_id":null}`}, {"message_id", `{"text":"x","message_id":"` + long(256) + `"}`},
		{"message_id", `{"text":"x","message_id":1}`},
	} {
		cases = append(cases, bad{"POST", posts, c.body, 400, c.field, nil})
	}
	for _, key := range []string{"", long(256), "\xff"} {
		cases = append(cases, bad{"POST", posts, `{"text":"x"}`, 400, "Idempotency-Key", []string{"Idempotency-Key", key}})
	}
	cases = append(cases,
		bad{"POST", posts, `{"text":"x"}`, 400, "Idempotency-Key", []string{"Idempotency-Key", "a", "Idempotency-Key", "b"}},
		bad{"PATCH", post, `{"message_id":"x"}`, 400, "message_id", nil},
		bad{"PATCH", channel, `{"id":"x"}`, 400, "id", nil},
		bad{"POST", channels, `{}`, 400, "id", nil},
		bad{"POST", channels, `{"id":"n","ended":null}`, 400, "ended", nil},
		bad{"POST", channels, `{"id":"n","title":"` + long(501) + `"}`, 400, "title", nil},
		bad{"POST", channels, `{"id":"n","access":"secret"}`, 400, "access", nil},
		bad{"POST", channels, `{"id":"n","access":""}`, 400, "access", nil},
		bad{"PATCH", channel, `{"title":"` + long(501) + `"}`, 400, "title", nil},
		bad{"PATCH", channel, `{"access":""}`, 400, "access", nil},
		bad{"PATCH", channel, `{"access":null}`, 400, "access", nil},
		bad{"PATCH", channel, `{"ended":0}`, 400, "ended", nil},
		bad{"GET", posts + "?before=a&before=b", "", 400, "before", nil},
		bad{"GET", posts + "?before=00000000-0000-7000-8000-000000000000", "", 400, "before", nil},
		bad{"GET", posts + "?limit=%zz", "", 400, "query", nil},
		bad{"GET", channels + "?after=", "", 400, "after", nil},
		bad{"GET", channels + "/none/posts?before=00000000-0000-7000-8000-000000000000", "", 404, "", nil},
	)
	for _, tag := range []string{"", "x", `"`, `W/`, `"a" "b"`, `*,*`, `'1'`, p["id"].(string), "1.5", `w/"1"`,
		`,`, "\"\x01\""} {
		cases = append(cases, bad{"PATCH", post, `{}`, 400, "If-Match", []string{"If-Match", tag}},
			bad{"DELETE", post, ``, 400, "If-Match", []string{"If-Match", tag}},
			bad{"GET", post, ``, 400, "If-None-Match", []string{"If-None-Match", tag}})
	}
	for target, methods := range map[string]string{
		channels: "GET, POST", channel: "GET, PATCH, DELETE", posts: "GET, POST", post: "GET, PATCH, DELETE",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
			if !strings.Contains(methods, method) {
				cases = append(cases, bad{method, target, "", 405, "", nil})
				if allow := s.do(t, method, target, "").Header().Get("Allow"); allow != methods {
					t.Errorf("%s %s: Allow: %s", method, target, allow)
				}
			}
		}
	}

	before := s.state(t)
	for _, c := range cases {
		a := s.do(t, c.method, c.target, c.body, c.header...)
		what := fmt.Sprintf("%s %.120s %.120s %.60q", c.method, c.target, c.body, c.header)
		if a.Code != c.status || a.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s, want %d", what, a.Code, a.Body, c.status)
			continue
		}
		problem := a.json(t)
		if field, _ := problem["field"].(string); field != c.field && (c.field != "" || c.status != 400) {
			t.Errorf("%s: names %q, want %q", what, field, c.field)
		}
		if detail, _ := problem["detail"].(string); detail == "" || len(detail) > 1000 {
			t.Errorf("%s: detail %.200q", what, detail)
		}
		if after := s.state(t); after != before {
			t.Fatalf("%s changed the store:\n%s\n%s", what, before, after)
		}
	}
	t.Logf("%d cases", len(cases))
}
