package publisher_test

import (
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
)

// byChannel is a renderer that must know the channel.
type byChannel struct{ renderFunc }

func (byChannel) RenderPostIn(ch motacilla.ChannelID, p motacilla.Post) (motacilla.HTML, error) {
	html, err := plain(p)
	return motacilla.TrustedHTML(strings.ReplaceAll(html, "</div>", " in "+string(ch)+"</div>")), err
}

func TestRendererThatKnowsTheChannel(t *testing.T) {
	f := setUp(t, nil)
	feed := publisher.NewFeed(f.source, byChannel{func(motacilla.Post) (string, error) {
		t.Error("RenderPost was called")
		return "", nil
	}}, nil)
	if err := feed.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	if _, err := f.store.PutPost(t.Context(), match, motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.PlainText("Goal!")}}, 0); err != nil {
		t.Fatal(err)
	}
	d, err := feed.Snapshot(t.Context(), match)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Update.Renders[0].Content; !strings.Contains(got, "Goal! in "+string(match)) {
		t.Errorf("the post is %s", got)
	}
}
