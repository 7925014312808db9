package slack_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/motacilla-live/motacilla/receiver/slack"
)

// Slack is asked once for a name, by all nodes together.
func TestNamesAreRemembered(t *testing.T) {
	w, store, pictures := newWorkspace(t), newStore(t), &images{}
	for node := range 2 {
		r := newNode(t, w, store, pictures, log(t), nil)
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				r.send(signed(r.base+hook, callback(newMessage(fmt.Sprintf("1700000001.%d%05d", node, i+1), "<@U0G9QF9C6>"))))
			})
		}
		all.Wait()
		for _, p := range r.posts() {
			if p.Author != "Ann" || texts(p) != "@Bob &lt;b&gt;" {
				t.Errorf("a post by %q has %q", p.Author, texts(p))
			}
		}
	}
	if n := w.count("users.info"); n != 2 {
		t.Errorf("Slack was asked %d times for 2 users", n)
	}
}

// A Slack that does not answer delays no post for long, and the next ones not at all.
func TestSlackIsSlow(t *testing.T) {
	r := newRig(t, nil)
	slack.Patient(r.receiver, patience, slack.NameBudget)
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	r.slack.hang = hang
	r.deliver(callback(newMessage("1700000001.000100", "<@U0G9QF9C6|bob> <@U0NOBODY1> <#C0123ABCD|sport>"))) // Slack hangs still
	if p := r.one(); p.Author != "" || texts(p) != "@bob @U0NOBODY1 #sport" {
		t.Errorf("the post by %q has %q", p.Author, texts(p))
	}
	asked := r.slack.count("users.info")
	r.deliver(callback(newMessage("1700000001.000200", "<@U0G9QF9C6|bob>")))
	if n := r.slack.count("users.info"); n > asked+1 {
		t.Errorf("Slack was asked %d times more for the same user", n-asked)
	}
}

func TestSlackIsDown(t *testing.T) {
	r := newRig(t, nil)
	r.slack.down = true
	for i := range 10 {
		r.deliver(callback(newMessage(fmt.Sprintf("1700000001.%06d", i+1), "<@U0G9QF9C6>")))
	}
	if posts := r.posts(); len(posts) != 10 || texts(posts[0]) != "@U0G9QF9C6" {
		t.Errorf("there are %s", dump(posts))
	}
	if n := r.slack.count("users.info"); n != 2 {
		t.Errorf("Slack was asked %d times for 2 users", n)
	}
}

// Without the scope, the names that the message itself has must do.
func TestMissingScope(t *testing.T) {
	r := newRig(t, nil)
	r.slack.wrong["users.info"], r.slack.wrong["usergroups.list"] = "missing_scope", "missing_scope"
	for i := range 3 {
		r.deliver(callback(newMessage(fmt.Sprintf("1700000001.%06d", i+1), "<@U0G9QF9C6|bob> <!subteam^S0614TZR7|@desk>")))
	}
	if p := r.posts()[0]; texts(p) != "@bob @desk" || p.Author != "" {
		t.Errorf("the post by %q has %q", p.Author, texts(p))
	}
	if n := r.slack.count("users.info"); n != 2 {
		t.Errorf("Slack was asked %d times", n)
	}
}

func TestProfileOfEvent(t *testing.T) {
	r := newRig(t, nil)
	r.deliver(callback(newMessage("1700000001.000100", "x", "user_profile", map[string]any{
		"display_name": " ", "real_name": strings.Repeat("Ünder\u202e", 100), "name": "login"})))
	p := r.one()
	if !strings.HasPrefix(p.Author, "ÜnderÜnder") || len(p.Author) > 255 || strings.Contains(p.Author, "\u202e") {
		t.Errorf("the author is %q", p.Author)
	}
	if n := r.slack.count("users.info"); n != 0 {
		t.Errorf("Slack was asked %d times for what the event says", n)
	}
}

func TestEmoji(t *testing.T) {
	for name, want := range map[string]string{
		"smile": "😄", "slightly_smiling_face": "🙂", "simple_smile": "🙂", "+1": "👍", "thumbsup": "👍", "-1": "👎", "soccer": "⚽",
		"tada": "🎉", "flag-de": "🇩🇪", "flag-us": "🇺🇸", "de": "🇩🇪", "wave::skin-tone-2": "👋🏻", "wave::skin-tone-6": "👋🏿",
		"point_up::skin-tone-4": "☝🏽", "female-doctor": "👩‍⚕️", "melting_face": "🫠", "large_green_circle": "🟢", "white_check_mark": "✅",
	} {
		if got, ok := slack.Emoji(name); !ok || got != want {
			t.Errorf("%s is %q, %v; want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{"partyparrot", "flag-1", "flag-deu", "", "::", "skin-tone-9"} {
		if got, ok := slack.Emoji(name); ok {
			t.Errorf("%q is %q", name, got)
		}
	}
}

func TestTS(t *testing.T) {
	for ts, want := range map[string]int64{
		"1355517523.000005": 1355517523000005, "1355517523": 1355517523000000, "1355517523.5": 1355517523500000,
		"": 0, "x": 0, "-1.5": 0, "1.": 0, ".5": 0, "1.0000001": 0, "0.5": 0, "99999999999999999999.1": 0, "253402300800": 0, "1.+5": 0,
	} {
		got, err := slack.ParseTS(ts)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%q is %d, %v; want %d", ts, got, err, want)
		}
	}
}
