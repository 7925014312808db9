package slack_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/slack"
	"github.com/motacilla-live/motacilla/storage/memory"
	"golang.org/x/net/html"
)

// sound fails if blocks can't be stored, or if their markup is not what the receiver meant: sanitising must add nothing but rel, and
// take nothing away.
func sound(t *testing.T, blocks []motacilla.RawBlock) {
	t.Helper()
	if len(blocks) == 0 {
		return
	}
	store := memory.New(nil)
	defer store.Close()
	content, err := receiver.NewIngest(store, "slack", nil).Content("", blocks)
	if err != nil {
		t.Fatalf("%v\n%+v", err, blocks)
	}
	for i, b := range content {
		if b.Type != motacilla.TextBlock {
			continue
		}
		text := b.Text.String()
		if again := receiver.Sanitise(text).String(); again != text {
			t.Errorf("sanitising again makes %q of %q", again, text)
		}
		if want, got := words(t, blocks[i].Text), words(t, text); want != got {
			t.Errorf("sanitising makes %q of %q", got, want)
		}
	}
}

// words returns what a reader sees of markup.
func words(t *testing.T, markup string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(markup))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for n := range doc.Descendants() {
		if n.Type == html.TextNode {
			out.WriteString(n.Data)
		}
	}
	return strings.TrimSpace(out.String())
}

func FuzzMrkdwn(f *testing.F) {
	for _, s := range []string{
		"*bold* _it_ ~s~ `c` ```pre``` &gt; q\n&gt;&gt;&gt; all", "<https://a.example/?a=1&amp;b|x> <@U123|a> <#C1|b> <!here> <!date^1^{date}|x>",
		"<!subteam^S12|@g> :smile: :wave::skin-tone-3: :flag-de:", "*_~`<", "*a *a *a", "<<<>>>", "```", "``````", "&gt;&gt;&gt;", "\u2028*a*\x00",
		"<https://www.youtube.com/watch?v=dQw4w9WgXcQ>", "<https://www.youtube.com/watch?v=dQw4w9WgXc\xff>",
		"_*~`a`~*_", "<a|b|c>", "<|>", "<!>", "<!date^^|>", "*<https://a.example|*>*",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		began := time.Now()
		sound(t, slack.Mrkdwn(text))
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%d bytes take %v", len(text), took)
		}
	})
}

func FuzzRichText(f *testing.F) {
	paths, _ := filepath.Glob("testdata/events/*.json")
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		var list []struct {
			Event json.RawMessage `json:"event"`
		}
		if err := json.Unmarshal(data, &list); err != nil {
			f.Fatal(err)
		}
		for _, e := range list {
			f.Add([]byte(e.Event))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		blocks, err := slack.Event(data)
		if err != nil {
			if !errors.Is(err, motacilla.ErrInvalid) {
				t.Errorf("the error is %v", err)
			}
			return
		}
		sound(t, blocks)
	})
}

// FuzzDelivery delivers signed bytes of any kind. They are stored, of no use, or invalid.
func FuzzDelivery(f *testing.F) {
	paths, _ := filepath.Glob("testdata/events/*.json")
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		var list []json.RawMessage
		if err := json.Unmarshal(data, &list); err != nil {
			f.Fatal(err)
		}
		for _, e := range list {
			f.Add([]byte(e))
		}
	}
	w := newWorkspace(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		store := newStore(t)
		c := client()
		defer c.HTTP().CloseIdleConnections()
		o := w.options(all)
		o.Channels = []string{"C024BE91L=match-42"}
		r, err := slack.New(&receiver.Kit{Sink: store, Records: store.Records(), Images: receiver.NoImages{}, Client: c}, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		slack.Patient(r, patience, patience)
		if err := slack.Deliver(context.Background(), r, data); err != nil && !errors.Is(err, motacilla.ErrInvalid) {
			t.Errorf("the error is %v", err)
		}
	})
}

// Text that was made to be hard takes no longer than its length.
func TestHardText(t *testing.T) {
	for name, unit := range map[string]string{
		"bold": "*a ", "all": "*_~`", "control": "<", "pre": "```", "colons": ":a", "emoji": ":smile:", "quotes": "&gt;\n", "tones": ":wave::skin-tone-2",
		"nested": "*a _b ~c `d ", "closed": "*a* _b_", "links": "<https://a.example|*", "mentions": "<@U1>", "half links": "*<", "ticks": "_`",
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Repeat(unit, (1<<20)/len(unit))
			began := time.Now()
			sound(t, slack.Mrkdwn(text))
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("a MiB takes %v", took)
			} else {
				t.Log(took)
			}
		})
	}
}
