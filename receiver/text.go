package receiver

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/motacilla-live/motacilla"
)

// provider is a site whose pages can be embedded.
type provider struct {
	hosts []string       // without www.
	path  *regexp.Regexp // path and query of a page that can be embedded
}

var providers = []provider{
	{[]string{"youtube.com", "m.youtube.com", "music.youtube.com"}, regexp.MustCompile(`^/watch\?(.*&)?v=[\w-]+`)},
	{[]string{"youtube.com", "m.youtube.com", "youtube-nocookie.com"}, regexp.MustCompile(`^/(shorts|live|embed)/[\w-]+`)},
	{[]string{"youtube.com", "m.youtube.com"}, regexp.MustCompile(`^/playlist\?(.*&)?list=[\w-]+`)},
	{[]string{"youtu.be"}, regexp.MustCompile(`^/[\w-]+`)},
	{[]string{"vimeo.com", "player.vimeo.com"}, regexp.MustCompile(`^/([\w-]+/)*\d+`)},
	{[]string{"x.com", "twitter.com", "mobile.twitter.com"}, regexp.MustCompile(`^/\w+/status(es)?/\d+`)},
	{[]string{"bsky.app"}, regexp.MustCompile(`^/profile/[^/]+/post/\w+`)},
	{[]string{"instagram.com"}, regexp.MustCompile(`^/(p|tv|reel)/[\w-]+`)},
	{[]string{"tiktok.com"}, regexp.MustCompile(`^/@[^/]+/video/\d+`)},
	{[]string{"dailymotion.com"}, regexp.MustCompile(`^/video/\w+`)},
	{[]string{"dai.ly"}, regexp.MustCompile(`^/\w+`)},
	{[]string{"twitch.tv"}, regexp.MustCompile(`^/(videos/\d+|[^/]+/clip/[\w-]+)`)},
	{[]string{"clips.twitch.tv"}, regexp.MustCompile(`^/[\w-]+`)},
	{[]string{"open.spotify.com"}, regexp.MustCompile(`^/(intl-\w+/)?(track|album|playlist|episode|show|artist)/\w+`)},
	{[]string{"soundcloud.com"}, regexp.MustCompile(`^/[^/]+/[^/]+`)},
	{[]string{"flickr.com"}, regexp.MustCompile(`^/photos/[^/]+/\d+`)},
	{[]string{"reddit.com"}, regexp.MustCompile(`^/r/[^/]+/comments/\w+`)},
	{[]string{"codepen.io"}, regexp.MustCompile(`^/[^/]+/(pen|full)/\w+`)},
	{[]string{"ted.com"}, regexp.MustCompile(`^/talks/\w+`)},
}

// KnownEmbed reports whether u is a page that can be embedded, of a known provider such as YouTube, Vimeo or X.
func KnownEmbed(u *url.URL) bool {
	if u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Port() != "" {
		return false
	}
	host := strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")
	for _, p := range providers {
		for _, h := range p.hosts {
			if h == host && p.path.MatchString(u.RequestURI()) {
				return true
			}
		}
	}
	return false
}

// lines makes blocks from a message's text: an embed block from a line that is only a link that embed accepts, a text
// block from every other line. A blank line makes no block, nor does a line of which nothing is left after sanitising.
func lines(text string, embed func(*url.URL) bool) []motacilla.Block {
	var blocks []motacilla.Block
	text = lineBreaks.Replace(strings.ToValidUTF8(text, "\ufffd"))
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if link, ok := bareLink(line); ok && embed(link) {
			blocks = append(blocks, motacilla.Block{Type: motacilla.EmbedBlock, URL: link.String()})
			continue
		}
		if html := sanitiseLine(line); html != (motacilla.HTML{}) {
			blocks = append(blocks, motacilla.Text(html))
		}
	}
	return blocks
}

var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// bareLink parses a line that is only a URL. The line is HTML, so & may be written as &amp;.
func bareLink(line string) (*url.URL, bool) {
	if len(line) > motacilla.MaxURL || !strings.HasPrefix(line, "http") || strings.ContainsAny(line, " \t<>\"'`") {
		return nil, false
	}
	u, err := url.Parse(strings.ReplaceAll(line, "&amp;", "&"))
	return u, err == nil && u.Host != ""
}
