package page

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// sample is data for a template. check looks at what it made of it.
type sample struct {
	template string
	data     any
	check    func(*html.Node) error
}

// check renders each template with sample data, and tells what the browser client or a form would miss. So a broken
// template is found before a reader meets it.
func (e *edition) check() error {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	post := motacilla.Post{
		ID: motacilla.NewPostID(at), Author: "Ada", Created: at, Modified: at.Add(time.Minute), Show: true, Pinned: true,
		KeyEvent: true, Revision: 2, Content: []motacilla.Block{
			motacilla.PlainText("Goal!"),
			{Type: motacilla.ImageBlock, URL: "https://example.org/a.png", Alt: "A stadium", Width: 2, Height: 1},
			{Type: motacilla.EmbedBlock, URL: "https://example.org/page"},
			{Type: motacilla.EmbedBlock, URL: "https://example.org/video", Card: motacilla.Card{
				Provider: "Example", Title: "Title", Summary: "Summary", Picture: "/media/a/1.jpg", Frame: "https://example.org/player",
				Width: 16, Height: 9,
			}},
			{Type: motacilla.ImageBlock, Media: "sample", URL: "/media/sample/2.jpg", Width: 2, Height: 1, Color: "#336699",
				Srcset: "/media/sample/1.jpg 1w, /media/sample/2.jpg 2w"},
			{Type: motacilla.ImageBlock, Media: "later", Pending: true},
			{Type: motacilla.ScoreBlock, Score: motacilla.Score{Home: "Home", Away: "Away", HomeScore: "2", AwayScore: "1", Note: "67'"}},
		},
	}
	content, err := e.renderPost(place{}, "sample", e.spoken.site, post)
	if err != nil {
		return shorter(err)
	}
	if err := checkPost(content.String(), post.ID); err != nil {
		return fmt.Errorf("post.html: %w", err)
	}
	plain := post
	plain.Author, plain.Modified, plain.KeyEvent, plain.Content = "", post.Created, false, nil
	if _, err := e.renderPost(place{}, "", e.spoken.site, plain); err != nil {
		return shorter(err)
	}
	shown := shownPost{motacilla.Render{
		ID: post.ID, Show: true, Created: post.Created, Modified: post.Modified, Pinned: true, Revision: 2,
	}, safe(content.String())}
	for _, l := range append([]*Language{e.spoken.site}, e.spoken.languages()...) {
		of := func(kind string) view {
			return view{speech: e.speech(l), Kind: kind, Site: "Sample", Title: "Sample", Styled: e.styled, Words: wordsOf(l)}
		}
		live := channelView{view: of("channel"), Channel: "sample", Revision: 2, Posts: []shownPost{shown}, Older: "/?before=x",
			Notify: "/live/web-push/sample/", Transports: "/channels/sample/transports", Heartbeat: 15000}
		past, ended := live, live
		past.Past, past.Posts = true, nil
		ended.Ended, ended.Complete, ended.Posts, ended.Older = at, true, nil, ""
		channels := []motacilla.Channel{{ID: "sample", Title: "Sample", Created: at}, {ID: "over", Created: at, Ended: at}}
		for _, sample := range append([]sample{
			{"channel.html", live, checkLive},
			{"channel.html", past, nil},
			{"channel.html", ended, nil},
			{"index.html", indexView{of("index"), channels, "next"}, nil},
			{"index.html", indexView{of("index"), nil, ""}, nil},
			{"error.html", errorView{of("error"), 404, "Sample", "", ""}, nil},
			{"error.html", errorView{of("error"), 403, "", "", "/sign-in?next=%2F"}, nil},
			{"token.html", errorView{of("sign-in"), 403, "Sample", "/channels/sample", ""}, needForm("/sign-in", "token", "next")},
		}, forms(l, of)...) {
			body, err := e.render(place{home: "/"}, sample.template, sample.data)
			if err != nil {
				return err
			}
			if sample.check == nil {
				continue
			}
			root, err := html.Parse(bytes.NewReader(body))
			if err == nil {
				err = sample.check(root)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", sample.template, err)
			}
		}
	}
	return nil
}

// languages returns the languages of channels.
func (s *spoken) languages() []*Language {
	var list []*Language
	for _, c := range s.channels {
		list = append(list, c.language)
	}
	return list
}

// shorter returns the error of the template itself, which names file and line.
func shorter(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

// checkLive tells what the browser client needs and does not find in a page of a channel.
func checkLive(root *html.Node) error {
	list := find(root, func(n *html.Node) bool { return attribute(n, "id") == "live-posts" })
	if list == nil {
		return errors.New(`must have the list of posts, an element with the ID live-posts; {{template "posts.html" .}} writes it`)
	}
	if err := need(list, "the element with the ID live-posts", map[string]string{
		"data-channel": "sample", "data-revision": "2", "data-transports": "/channels/sample/transports", "data-live": "auto",
		"data-heartbeat": "15000",
	}); err != nil {
		return err
	}
	wrapper := find(list, hasClass("live-post-wrapper"))
	if wrapper == nil {
		return errors.New("each post must be in an element of the class live-post-wrapper, in the element with the ID live-posts")
	}
	if err := need(wrapper, "the element of the class live-post-wrapper", map[string]string{
		"data-created": "2026-05-01T12:00:00.000000Z", "data-modified": "2026-05-01T12:01:00.000000Z", "data-revision": "2",
		"data-pinned": "true",
	}); err != nil {
		return err
	}
	if post := find(wrapper, hasClass("live-post")); post == nil || post.Parent != wrapper {
		return errors.New("an element of the class live-post-wrapper must have a post's HTML, {{.HTML}}, directly in it")
	}
	script := find(root, func(n *html.Node) bool {
		return n.Data == "script" && attribute(n, "type") == "module" && strings.HasPrefix(attribute(n, "src"), "/assets/live.")
	})
	if script == nil {
		return errors.New(`must have <script type="module" src="{{asset "live.js"}}"></script>; {{template "head.html" .}} writes it`)
	}
	return nil
}

// checkPost tells what the browser client needs and does not find in the HTML of a post.
func checkPost(content string, id motacilla.PostID) error {
	nodes, err := html.ParseFragment(strings.NewReader(content), &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div})
	if err != nil {
		return err
	}
	nodes = slices.DeleteFunc(nodes, func(n *html.Node) bool {
		return n.Type == html.CommentNode || n.Type == html.TextNode && strings.TrimSpace(n.Data) == ""
	})
	if len(nodes) != 1 || !hasClass("live-post")(nodes[0]) || attribute(nodes[0], "data-post-id") != string(id) {
		return errors.New(`must be one element with the class live-post and data-post-id="{{.ID}}"`)
	}
	return nil
}

func need(n *html.Node, what string, attributes map[string]string) error {
	var missing []string
	for name, want := range attributes {
		if attribute(n, name) != want {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return fmt.Errorf(`%s must have the attributes %s as in our posts.html`, what, strings.Join(missing, ", "))
}

func find(root *html.Node, is func(*html.Node) bool) *html.Node {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && is(n) {
			return n
		}
	}
	return nil
}

func hasClass(class string) func(*html.Node) bool {
	return func(n *html.Node) bool {
		return n.Type == html.ElementNode && slices.Contains(strings.Fields(attribute(n, "class")), class)
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
