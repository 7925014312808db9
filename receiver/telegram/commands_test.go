package telegram

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
)

// text is the delivery of a message of user 7.
func text(update, message int, words string) string {
	return fmt.Sprintf(`{"update_id":%d,"message":%s}`, update, textMessage(message, words))
}

func textMessage(message int, words string) string {
	return fmt.Sprintf(`{"message_id":%d,"date":1760000000,"chat":{"id":%d,"type":"supergroup","title":"Desk"},
		"from":{"id":7,"first_name":"Ann"},"text":%q}`, message, testChat, words)
}

// commanded is the delivery of a command that replies to a message; target may end with the brace of its update.
func commanded(update, message int, words, target string) string {
	name, _, _ := strings.Cut(words, " ")
	more := fmt.Sprintf(`,"entities":[{"type":"bot_command","offset":0,"length":%d}]`, len(name))
	if target != "" {
		if strings.Count(target, "{") < strings.Count(target, "}") {
			target = strings.TrimSuffix(strings.TrimSpace(target), "}")
		}
		more += `,"reply_to_message":` + target
	}
	m := strings.TrimSuffix(textMessage(message, words), "}") + more + "}"
	return fmt.Sprintf(`{"update_id":%d,"message":%s}`, update, m)
}

func from(update string, user int) string {
	return strings.Replace(update, `"from":{"id":7,`, fmt.Sprintf(`"from":{"id":%d,`, user), 1)
}

func TestControls(t *testing.T) {
	w := newWorld(t)
	w.api.admins[testChat] = []int64{1, 7}
	o := w.options()
	o.Answers = true
	n := w.node(o)
	n.deliver(text(1, 10, "Goal"))
	target := textMessage(10, "Goal")
	for i, c := range []struct {
		words, answer string
		holds         func(p motacilla.Post) bool
	}{
		{"/pin", "Pinned.", func(p motacilla.Post) bool { return p.Pinned }},
		{"/unpin", "No longer pinned.", func(p motacilla.Post) bool { return !p.Pinned }},
		{"/key", "Marked as a key event.", func(p motacilla.Post) bool { return p.KeyEvent }},
		{"/unkey@DeskBot", "No longer a key event.", func(p motacilla.Post) bool { return !p.KeyEvent }},
		{"/HIDE@deskbot", "Hidden.", func(p motacilla.Post) bool { return !p.Show }},
		{"/show", "Shown.", func(p motacilla.Post) bool { return p.Show }},
		{"/alt A cup", "This message has no image on the page.", func(p motacilla.Post) bool { return show(p) == "Goal" }},
		{"/alt", "Write what the image shows after /alt, such as /alt The captain lifts the cup.", func(motacilla.Post) bool { return true }},
	} {
		n.deliver(commanded(100+i, 100+i, c.words, target))
		if p := w.post(); !c.holds(p) {
			t.Errorf("after %s the post is %+v", c.words, p)
		}
		calls := w.api.wait(t, "sendMessage", i+1)
		if got := calls[i].params["text"]; got != c.answer {
			t.Errorf("%s is answered %q, want %q", c.words, got, c.answer)
		}
		if reply := calls[i].params["reply_parameters"]; !strings.Contains(reply, fmt.Sprintf(`"message_id":%d`, 100+i)) {
			t.Errorf("the answer replies to %s", reply)
		}
	}
	before := w.page(testChannel).Head
	n.deliver(commanded(100, 100, "/pin", target)) // delivered again after /unpin
	n.deliver(commanded(300, 300, "/pin@otherbot", target), commanded(301, 301, "/pinn", target), commanded(302, 302, "/start", ""))
	if after := w.page(testChannel); after.Head != before || len(after.Posts) != 1 {
		t.Error("a command that was done, is not known, or is for another bot has changed the channel")
	}
	n.deliver(commanded(310, 310, "/pin", ""), commanded(311, 311, "/delete", target), commanded(312, 312, "/pin", target))
	calls := w.api.wait(t, "sendMessage", 11)
	for i, want := range []string{"Send /pin as a reply to the message that it is about.", "Removed.", "The post of this message was removed."} {
		if got := calls[8+i].params["text"]; got != want {
			t.Errorf("answer %d is %q, want %q", i, got, want)
		}
	}
	if len(w.page(testChannel).Posts) != 0 || len(w.api.of("getChatAdministrators")) != 1 {
		t.Error("the post is still there, or the administrators were asked for more than once")
	}
}

// A command may come before its message: the reply has the message in it.
func TestControlBeforeItsMessage(t *testing.T) {
	w := newWorld(t)
	w.api.admins[testChat] = []int64{7}
	n := w.node(w.options())
	n.deliver(commanded(2, 11, "/key", textMessage(10, "Goal")), text(1, 10, "Goal"))
	if p := w.post(); !p.KeyEvent || show(p) != "Goal" {
		t.Errorf("the post is %+v", p)
	}
	n.deliver(edited(text(3, 10, "Goal!"), 1760000050))
	if p := w.post(); !p.KeyEvent || show(p) != "Goal!" {
		t.Errorf("after an edit the post is %+v", p)
	}
}

func TestWhoMayControl(t *testing.T) {
	group := fmt.Sprintf(`"sender_chat":{"id":%d,"type":"supergroup","title":"Desk"},"from":`, testChat)
	stranger := `"sender_chat":{"id":-1007,"type":"channel","title":"Elsewhere"},"from":`
	for _, c := range []struct {
		name    string
		editors []string
		change  func(string) string
		may     bool
	}{
		{"administrator", nil, func(u string) string { return u }, true},
		{"member", nil, func(u string) string { return from(u, 8) }, false},
		{"anonymous administrator", nil, func(u string) string { return strings.Replace(u, `"from":`, group, 1) }, true},
		{"another channel", nil, func(u string) string { return strings.Replace(u, `"from":`, stranger, 1) }, false},
		{"listed", []string{"8"}, func(u string) string { return from(u, 8) }, true},
		{"administrator, not listed", []string{"8"}, func(u string) string { return u }, false},
		{"anonymous, not listed", []string{"7"}, func(u string) string { return strings.Replace(u, `"from":`, group, 1) }, false},
		{"nobody", nil, func(u string) string { return strings.Replace(u, `"from":`, `"x":`, 1) }, false},
		{"channel of Telegram", []string{"8"}, func(u string) string {
			u = strings.Replace(u, `"message":`, `"channel_post":`, 1)
			return strings.Replace(u, `"type":"supergroup"`, `"type":"channel"`, 1)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.api.admins[testChat] = []int64{7}
			o := w.options()
			o.Editors = c.editors
			n := w.node(o)
			n.deliver(text(1, 10, "Goal"), c.change(commanded(2, 11, "/pin", textMessage(10, "Goal"))))
			if got := w.post().Pinned; got != c.may {
				t.Errorf("pinned: %v", got)
			}
			if calls := w.api.of("sendMessage"); len(calls) != 0 {
				t.Errorf("without the option, answers were sent: %v", calls)
			}
		})
	}
}

// With authors: editors, what others write makes no post, also if an editor replies to it with a command.
func TestAuthors(t *testing.T) {
	w := newWorld(t)
	w.api.admins[testChat] = []int64{7}
	o := w.options()
	o.Authors = EditorAuthors
	n := w.node(o)
	stranger := strings.Replace(textMessage(11, "spam"), `"from":{"id":7,`, `"from":{"id":8,`, 1)
	n.deliver(text(1, 10, "Goal"), `{"update_id":2,"message":`+stranger+`}`, commanded(3, 12, "/pin", stranger))
	if p := w.post(); show(p) != "Goal" || p.Pinned {
		t.Errorf("the post is %+v", p)
	}
}

// If Telegram does not say who the administrators are, the command is not acknowledged, and done when it is delivered again.
func TestAdministratorsUnknown(t *testing.T) {
	w := newWorld(t)
	w.api.admins[testChat] = []int64{7}
	n := w.node(w.options())
	n.deliver(text(1, 10, "Goal"))
	w.api.failNext("getChatAdministrators", apiError{code: 500, description: "Internal Server Error"},
		apiError{code: 429, description: "Too Many Requests: retry after 7", retryAfter: 7})
	pin := commanded(2, 11, "/pin", textMessage(10, "Goal"))
	for range 2 {
		if status, err := send(request(n.base, pin)); status < 500 {
			t.Errorf("status %d, %v", status, err)
		}
	}
	n.deliver(pin)
	if !w.post().Pinned {
		t.Error("the command was not done")
	}
}

func TestGetChatID(t *testing.T) {
	w := newWorld(t)
	n := w.node(w.options())
	other := strings.ReplaceAll(commanded(1, 11, "/get_chat_id", ""), fmt.Sprint(testChat), "-100777")
	topic := strings.Replace(commanded(2, 12, "/get_chat_id@DeskBot", ""), `"message_id"`, `"message_thread_id":5,"is_topic_message":true,"message_id"`, 1)
	n.deliver(other, other, topic)
	calls := w.api.wait(t, "sendMessage", 2)
	if len(calls) != 2 || calls[0].params["chat_id"] != "-100777" || calls[0].params["text"] != "This chat has the ID -100777" ||
		calls[1].params["message_thread_id"] != "5" || !strings.Contains(calls[1].params["text"], fmt.Sprint(testChat, "/5")) {
		t.Errorf("answers: %v", calls)
	}
	if len(w.page(testChannel).Posts) != 0 {
		t.Error("a command made a post")
	}
	w.api.failNext("sendMessage", apiError{code: 403, description: "Forbidden: bot was kicked from the supergroup chat"})
	n.deliver(commanded(3, 13, "/get_chat_id", "")) // is acknowledged
}

// A topic of a group may feed a channel of its own.
func TestTopics(t *testing.T) {
	w := newWorld(t)
	w.channel("topic-5")
	o := w.options()
	o.Channels = append(o.Channels, fmt.Sprintf("%d/5=topic-5", testChat))
	n := w.node(o)
	in := func(thread int, u string) string {
		return strings.Replace(u, `"message_id"`, fmt.Sprintf(`"message_thread_id":%d,"is_topic_message":true,"message_id"`, thread), 1)
	}
	n.deliver(in(5, text(1, 10, "five")), in(6, text(2, 11, "six")))
	if posts := w.page("topic-5").Posts; len(posts) != 1 || show(posts[0]) != "five" {
		t.Errorf("the topic's channel has %+v", posts)
	}
	if show(w.post()) != "six" {
		t.Errorf("the group's channel has %+v", w.post())
	}
}

// Without channels, a chat feeds the channel that has its ID.
func TestChannelIsTheChatsID(t *testing.T) {
	w := newWorld(t)
	id := motacilla.ChannelID(fmt.Sprint(testChat))
	w.channel(id)
	o := w.options()
	o.Channels = nil
	n := w.node(o)
	n.deliver(text(1, 10, "Goal"), strings.ReplaceAll(text(2, 11, "elsewhere"), fmt.Sprint(testChat), "-1005"))
	if posts := w.page(id).Posts; len(posts) != 1 || show(posts[0]) != "Goal" {
		t.Errorf("the channel has %+v", posts)
	}
	if list, err := w.store.Channels(context.Background(), "", 10); err != nil || len(list) != 2 {
		t.Errorf("channels: %v, %v", list, err)
	}
}

// A chat that feeds no channel is counted, and logged once.
func TestUnmappedChat(t *testing.T) {
	w := newWorld(t)
	n := w.node(w.options())
	for i := range 3 {
		n.deliver(strings.ReplaceAll(text(1+i, 10+i, "elsewhere"), fmt.Sprint(testChat), "-1005"))
	}
	if got := w.metrics.Counts()[receiver.Delivery{Receiver: Name, Result: receiver.Unmapped}]; got != 3 {
		t.Errorf("counted %d, want 3", got)
	}
	if got := strings.Count(w.logs.String(), "a chat feeds no channel"); got != 1 {
		t.Errorf("logged %d times, want once", got)
	}
	if posts := w.page(testChannel).Posts; len(posts) != 0 {
		t.Errorf("posts: %+v", posts)
	}
}

// The author of an image is asked once to describe it: in groups, and not for an image that has a description, nor after an edit.
func TestAltIsAskedFor(t *testing.T) {
	w := newWorld(t)
	w.api.admins[testChat] = []int64{7}
	o := w.options()
	o.Answers, o.Stickers = true, true
	n := w.node(o)
	photo := photoMessage(1, 10, "f1", "The cup")
	n.deliver(photo, photo, strings.Replace(photo, `"update_id":1`, `"update_id":2`, 1), edited(photoMessage(3, 10, "f1", "The trophy"), 1760000100))
	for i := range 3 {
		n.deliver(albumPart(10+i, 20+i, "g", "", ""))
	}
	n.deliver(text(20, 30, "Goal"))
	n.deliver(strings.Replace(photoMessage(21, 31, "f2", ""), `"type":"supergroup"`, `"type":"channel"`, 1))
	sticker := strings.Replace(photoMessage(22, 32, "f3", ""), `"photo":[`, `"sticker":{"file_id":"f3","file_unique_id":"u3","emoji":"🏆"},"was":[`, 1)
	n.deliver(sticker)
	n.deliver(commanded(23, 33, "/pin", textMessage(30, "Goal"))) // its answer comes after all others
	var replies []string
	for _, c := range w.api.wait(t, "sendMessage", 3) {
		replies = append(replies, c.params["reply_parameters"]+" "+c.params["text"])
	}
	if len(replies) != 3 || !strings.Contains(replies[0], `"message_id":10`) || !strings.Contains(replies[0], "/alt") ||
		!strings.Contains(replies[1], `"message_id":20`) || !strings.Contains(replies[2], "Pinned") {
		t.Errorf("the bot says %q", replies)
	}
	if posts := w.page(testChannel).Posts; len(posts) != 5 {
		t.Errorf("there are %d posts", len(posts))
	}

	quiet := newWorld(t)
	q := quiet.node(quiet.options())
	q.deliver(photoMessage(1, 10, "f1", "The cup"))
	if calls := quiet.api.of("sendMessage"); len(calls) != 0 {
		t.Errorf("without the option the bot says %v", calls)
	}
}

// That the question fails changes nothing: the post is there, and Telegram need not deliver the message again.
func TestAltIsAskedForInVain(t *testing.T) {
	w := newWorld(t)
	o := w.options()
	o.Answers = true
	n := w.node(o)
	w.api.failNext("sendMessage", apiError{code: 403, description: "Forbidden: not enough rights"})
	n.deliver(photoMessage(1, 10, "f1", "The cup"))
	if p := w.post(); !strings.Contains(show(p), "The cup") {
		t.Errorf("the post is %s", show(p))
	}
}
