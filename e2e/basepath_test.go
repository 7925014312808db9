package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
)

const basePath = "/a/b"

// places are how readers reach a server with server.base_path: directly, or through nginx, which removes the path or keeps
// it. nginx has nothing outside of the path, so that no URL without it works.
var places = map[string]string{
	"direct": "",
	"a proxy that keeps the path": `location /a/b/ { proxy_pass http://UPSTREAM; }
		location / { return 404; }`,
	"a proxy that removes the path": `location /a/b/ { proxy_pass http://UPSTREAM/; }
		location / { return 404; }`,
}

// TestBasePath tests the program below a path in each of the places.
func TestBasePath(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	for name, locations := range places {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			serve := func(t *testing.T, env ...string) (s *program, at string) {
				s = serve(t, "", append(env, "MOTACILLA_SERVER_BASE_PATH="+basePath)...)
				addr := s.addr
				if locations != "" {
					addr = behindNginx(t, s.addr, locations)
				}
				return s, "http://" + addr + basePath
			}
			t.Run("transports", func(t *testing.T) {
				t.Parallel()
				s, at := serve(t)
				followsOverEveryTransport(t, s, at)
			})
			t.Run("pages", func(t *testing.T) {
				t.Parallel()
				s, at := serve(t)
				answersOf(t, s, at)
				s.listed(t, at)
				s.signsIn(t, at)
				s.older(t, at)
			})
			t.Run("element", func(t *testing.T) {
				t.Parallel()
				f := newForeign(t)
				s, at := serve(t, "MOTACILLA_SERVER_ORIGINS="+f.url)
				f.shownBelow(t, s, at)
			})
			t.Run("programs", func(t *testing.T) {
				t.Parallel()
				_, at := serve(t)
				followedByClient(t, at)
				commanded(t, at)
			})
		})
	}
}

// listed goes from the index to the channel, and asks for all links.
func (s *program) listed(t *testing.T, at string) {
	t.Helper()
	p := open(t, browser(t), at+"/")
	p.until(`document.querySelector("a.channel[href='/a/b/channels/match']")`)
	p.eval(`void document.querySelector("a.channel").click()`, nil)
	p.live()
	p.loadedEverything()
	p.eval(`void document.querySelector(".masthead a").click()`, nil)
	p.until(`location.pathname === "/a/b/" && document.querySelector("a.channel")`)
	p.close()
	for _, path := range crawl(t, at+"/") {
		if !strings.HasPrefix(path, basePath+"/") {
			t.Errorf("a link leads to %s", path)
		}
	}
}

// signsIn reads a private channel after signing in. The cookie is for the path of the site only.
func (s *program) signsIn(t *testing.T, at string) {
	t.Helper()
	s.api(http.MethodPost, "channels", text{"id": "members", "title": "For members", "access": "private"}, nil)
	s.api(http.MethodPost, "channels/members/posts", text{"text": "a secret"}, nil)
	p := open(t, browser(t), at+"/channels/members?x=1")
	send := func(token string) {
		t.Helper()
		p.until(`document.querySelector("form.sign-in") && !document.querySelector("#live-posts")`)
		p.eval(`window.sent = true; document.querySelector("#token").value = "`+token+`";
			void document.querySelector("form.sign-in").requestSubmit()`, nil)
		p.until(`!window.sent`)
	}
	send("wrong")
	p.until(`document.body.textContent.includes("not the right token")`)
	send(token)
	p.until(`location.pathname + location.search === "/a/b/channels/members?x=1"`)
	p.shows("a secret")
	p.live()
	s.api(http.MethodPost, "channels/members/posts", text{"text": "another one"}, nil)
	p.shows("another one", "a secret")
	p.run(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		got, err := cdp.Call(ctx, target, network.GetCookies, network.GetCookiesParams{})
		if err != nil {
			return err
		}
		if len(got.Cookies) != 1 || got.Cookies[0].Path != basePath || !got.Cookies[0].HTTPOnly {
			return fmt.Errorf("the cookies are %+v, want one for %s", got.Cookies, basePath)
		}
		return nil
	}))
	p.close()
}

// older loads earlier posts in place, and as a page of its own.
func (s *program) older(t *testing.T, at string) {
	t.Helper()
	s.api(http.MethodPost, "channels", text{"id": "long", "title": "A long one"}, nil)
	for i := range 60 {
		s.api(http.MethodPost, "channels/long/posts", text{"text": fmt.Sprint("post ", i)}, nil)
	}
	p := open(t, browser(t), at+"/channels/long")
	p.live()
	p.until(visible + `.length === 50`)
	var href string
	p.eval(`document.querySelector("[data-live-older]").href`, &href)
	if !strings.HasPrefix(href, at+"/channels/long?before=") {
		t.Errorf("earlier posts are at %s", href)
	}
	p.eval(`document.querySelector("[data-live-older]").click()`, nil)
	p.until(visible + `.length === 60 && ` + visible + `[59] === "post 0"`)
	p.goTo(href)
	p.until(visible + `.length === 10`)
	p.eval(`void document.querySelector(".newest a").click()`, nil)
	p.until(`location.pathname === "/a/b/channels/long" && ` + visible + `.length === 50`)
	p.close()
}

// shownBelow shows the channel in a page of another site, over each transport. The site names the server by its URL with
// the path.
func (f *foreign) shownBelow(t *testing.T, s *program, at string) {
	t.Helper()
	host := strings.TrimPrefix(at, "http://")
	f.server.Store(host)
	f.policy.Store(strings.ReplaceAll(strict, "SERVER", strings.TrimSuffix(host, basePath)))
	chromium := browser(t)
	var picture struct{ ID motacilla.PostID }
	s.api(http.MethodPost, "channels/match/posts", text{"content": []text{
		{"type": "image", "value": text{"url": "/assets/icon.svg", "alt": "of the server"}},
	}}, &picture)
	for _, slash := range []string{"", "/"} {
		for _, name := range everyTransport {
			f.body.Store(`<live-posts src="SERVER` + slash + `" channel="match" transports="` + name + `"></live-posts>`)
			p := open(t, chromium, f.url)
			p.elementIs("live")
			one := s.post("one")
			p.until(visibleInElement + `[0] === "one"`)
			p.until(root + `.querySelector("img").src === "` + at + `/assets/icon.svg"`)
			s.remove(one)
			p.until(visibleInElement + `.length === 1`)
			if used := transports(p); len(used) != 1 || used[0] != name {
				t.Errorf("the page asked %q, want %s alone", used, name)
			}
			p.close()
		}
	}
}

// followedByClient follows the channel with package client over each transport, and writes with it.
func followedByClient(t *testing.T, at string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, url := range []string{at, at + "/"} {
		c, err := client.New(url, &client.Options{Token: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range everyTransport {
			news := name + " " + url
			posted := false
			for u, err := range c.Follow(ctx, channel, &client.FollowOptions{Transports: []string{name}}) {
				if err == nil && !posted {
					_, err = c.CreatePost(ctx, channel, client.NewPost{Text: news})
					posted = true
				}
				if err != nil {
					t.Fatalf("%s over %s: %v", url, name, err)
				}
				if slices.ContainsFunc(u.Renders, func(r motacilla.Render) bool {
					return strings.Contains(r.Content, news)
				}) {
					break
				}
			}
		}
	}
}

// commanded runs the program's commands with the site's URL.
func commanded(t *testing.T, at string) {
	t.Helper()
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"channel", "create", "other", "--title", "Another"}, at + "/channels/other"},
		{[]string{"channel", "list"}, "other"},
		{[]string{"post", "add", "other", "Goal!"}, ""},
		{[]string{"post", "list", "other"}, "Goal!"},
		{[]string{"doctor", "--channel", "other", "--fast", at}, "reading other, which is offered by sse, websocket, long-polling, interval-polling"},
	} {
		if tt.args[0] != "doctor" {
			tt.args = append(tt.args, "--server", at)
		}
		cmd := exec.CommandContext(t.Context(), binary, tt.args...)
		cmd.Dir = t.TempDir()
		cmd.Env = append(cmd.Environ(), "MOTACILLA_SERVER_TOKEN="+token)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), tt.want) || strings.Contains(string(out), "FAIL") {
			t.Errorf("motacilla %s: %v, want %q in\n%s", strings.Join(tt.args, " "), err, tt.want, out)
		}
	}
}
