package motacilla

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestBlockJSON(t *testing.T) {
	for _, c := range []struct {
		b    Block
		want string
	}{
		{Text(TrustedHTML("<p>é")), `{"type":"text","value":{"text":"\u003cp\u003eé"}}`},
		{Block{Type: ImageBlock, URL: "/media/a.png", Alt: "a", Width: 3, Height: 4},
			`{"type":"image","value":{"url":"/media/a.png","alt":"a","width":3,"height":4}}`},
		{Block{Type: EmbedBlock, URL: "https://example.org/x?a=b"}, `{"type":"embed","value":{"url":"https://example.org/x?a=b"}}`},
	} {
		got, err := json.Marshal(c.b)
		if err != nil || string(got) != c.want {
			t.Errorf("%s, %v; want %s", got, err, c.want)
		}
		back, err := TrustedContent([]byte("[" + string(got) + "]"))
		if err != nil || len(back) != 1 || back[0] != c.b {
			t.Errorf("%s: %+v, %v", got, back, err)
		}
	}
	if _, err := json.Marshal(Block{Type: "video"}); err == nil {
		t.Error("an unknown type was encoded")
	}
	var b RawBlock
	err := json.Unmarshal([]byte(`{"type":"text","value":{"text":"a","url":"b","width":5}}`), &b)
	if err != nil || b != (RawBlock{Type: TextBlock, Text: "a"}) {
		t.Errorf("%+v, %v: a text has no url", b, err)
	}
}

func TestBlockJSONRefuses(t *testing.T) {
	for s, field := range map[string]string{
		`{"type":"video","value":{}}`:               "type",
		`{"value":{}}`:                              "type",
		`{"type":"text"}`:                           "value",
		`{"type":"text","value":null}`:              "value",
		`{"type":"text","value":"a"}`:               "value",
		`{"type":"text","value":{"text":5}}`:        "value.text",
		`{"type":"text","value":{"text":"\u0000"}}`: "value.text",
		`{"type":"text","value":{"text":"` + strings.Repeat("x", MaxText+1) + `"}}`: "value.text",
		`{"type":"embed","value":{}}`:                                                         "value.url",
		`{"type":"embed","value":{"url":"/local"}}`:                                           "value.url",
		`{"type":"embed","value":{"url":"javascript:alert(1)"}}`:                              "value.url",
		`{"type":"embed","value":{"url":"https://user:pw@example.org/"}}`:                     "value.url",
		`{"type":"embed","value":{"url":"https://:80/"}}`:                                     "value.url",
		`{"type":"embed","value":{"url":"https:example.org"}}`:                                "value.url",
		`{"type":"embed","value":{"url":"https://e/` + strings.Repeat("x", 2048) + `"}}`:      "value.url",
		`{"type":"image","value":{"url":"//example.org/a.png"}}`:                              "value.url",
		`{"type":"image","value":{"url":"data:image/png,x"}}`:                                 "value.url",
		`{"type":"image","value":{"url":"/a","width":-1}}`:                                    "value.width",
		`{"type":"image","value":{"url":"/a","height":65537}}`:                                "value.height",
		`{"type":"image","value":{"url":"/a","width":1e400}}`:                                 "value.width",
		`{"type":"image","value":{"url":"/a","width":1.5}}`:                                   "value.width",
		`{"type":"image","value":{"url":"/a","alt":"` + strings.Repeat("x", MaxAlt+1) + `"}}`: "value.alt",
	} {
		var f *FieldError
		before := RawBlock{Type: TextBlock, Text: "before"}
		b := before
		err := json.Unmarshal([]byte(s), &b)
		if !errors.As(err, &f) || f.Field != field || b != before {
			t.Errorf("%.80s: %+v, %v; want %s", s, b, err, field)
		}
		if _, err := TrustedContent([]byte("[" + s + "]")); !errors.As(err, &f) || f.Field != field {
			t.Errorf("stored %.80s: %v; want %s", s, err, field)
		}
	}
}

func FuzzBlockJSON(f *testing.F) {
	for _, s := range []string{`{"type":"text","value":{"text":"a"}}`,
		`{"type":"image","value":{"url":"/a","alt":"","width":1,"height":2}}`,
		`{"type":"embed","value":{"url":"https://example.org/"}}`, `{"type":"text","value":null}`, `null`, `{}`, ``, `[]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var b, back RawBlock
		if json.Unmarshal(data, &b) != nil || b == (RawBlock{}) {
			return
		}
		out, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out, &back); err != nil || back != b {
			t.Fatalf("%s: %+v, %v", out, back, err)
		}
		if _, err := (Post{Content: []Block{b.Sanitise(TrustedHTML)}}).Admit(1); err != nil {
			t.Fatalf("decoded but not admitted: %s: %v", out, err)
		}
	})
}
