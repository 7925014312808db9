package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestDeskPreviewsCards: a pasted link is looked up while the post is being written. The preview gets its card, and so have readers from
// the first moment on.
func TestDeskPreviewsCards(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	release := make(chan struct{})
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<meta property="og:title" content="The goal of the month">`)
	}))
	t.Cleanup(elsewhere.Close)
	d := newDeskSite(t, "MOTACILLA_OUTBOUND_ALLOW=127.0.0.1/32")
	p := d.desk(d.person("ed", "editor"))
	p.until(`document.querySelector(".editor-text")`)
	p.shortcut('n')
	p.until(`document.activeElement.matches(".editor-text")`)
	p.pastes(map[string]string{"text/plain": elsewhere.URL + "/goal"})
	const preview = `document.querySelector("[data-preview]").shadowRoot.textContent`
	p.until(preview + `.includes("127.0.0.1")`)
	close(release)
	p.until(preview + `.includes("The goal of the month")`)
	p.sends()
	p.posts(1)
	var got struct {
		Posts []struct {
			Content []struct {
				Value struct{ Card struct{ Title string } }
			}
		}
	}
	d.api(http.MethodGet, "channels/"+string(channel)+"/posts", nil, &got)
	if len(got.Posts) != 1 || len(got.Posts[0].Content) != 1 || got.Posts[0].Content[0].Value.Card.Title != "The goal of the month" {
		t.Errorf("the posts are %+v", got.Posts)
	}
}
