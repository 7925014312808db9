package page

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
)

// LookOptions say how pages look and which language they speak. The zero LookOptions are the look of the project, in
// English.
type LookOptions struct {
	// Templates is a folder of the site's own templates. Each file *.html replaces the template of the same name (see
	// docs/look.md), and other names are templates for these to use. Files in its folder assets are served: in a template,
	// {{asset "logo.svg"}} is the URL of assets/logo.svg. nil means that there are none.
	Templates fs.FS
	// Styles reads a style sheet that pages load after the look's own. nil means that there is none.
	Styles func() ([]byte, error)
	// Language is the BCP 47 tag of the site's language; the default is "en".
	Language string
	// ChannelLanguages are the languages of channels that have another one: PATTERN=TAG, such as "wahl-*=de". A pattern is
	// one of path.Match. The first that matches a channel's ID counts.
	ChannelLanguages []string
	// Languages are those to choose from. nil means English only. Package page/languages has more.
	Languages Languages
	// LanguageFiles is a folder with files of more languages, or of other words. It needs Languages. nil means none.
	LanguageFiles fs.FS
	// Frames says whether the players of embedded pages are shown: [FramesAsk] or [FramesShow]; the default is [FramesOff]. The
	// Content-Security-Policy then permits frames of any https site, because the posts that are still to come decide which.
	Frames Frames
	// TimeZone is that of times in pages without JavaScript; nil means UTC.
	TimeZone *time.Location
	// Reload is for the development of a look: all files are read again for each page, and a file that is broken makes the
	// page show what is wrong. Readers who have the page open keep the last look that was whole.
	Reload bool
}

// Look holds templates, styles and languages of pages. It may be used by several goroutines at once.
type Look struct {
	o    LookOptions
	last atomic.Pointer[edition] // the last one that was whole
}

// NewLook reads everything that the options name, renders each template once with sample data, and checks that the browser
// client finds what it needs. The error names the file and the line, if a template is broken.
func NewLook(o LookOptions) (*Look, error) {
	if o.Language == "" {
		o.Language = "en"
	}
	if o.TimeZone == nil {
		o.TimeZone = time.UTC
	}
	if !slices.Contains([]Frames{"", FramesOff, FramesAsk, FramesShow}, o.Frames) {
		return nil, fmt.Errorf("frames: %q must be off, ask or show", o.Frames)
	}
	l := &Look{o: o}
	e, err := l.read(nil)
	if err != nil {
		return nil, err
	}
	l.last.Store(e)
	return l, nil
}

// mustLook returns the look without options. Only a mistake in this package can make it fail.
func mustLook() *Look {
	l, err := NewLook(LookOptions{})
	if err != nil {
		panic(err)
	}
	return l
}

// edition returns what pages consist of now. If the files are broken, which only happens while they are read again, it
// returns the error and the last edition that was whole.
func (l *Look) edition() (*edition, error) {
	last := l.last.Load()
	if !l.o.Reload {
		return last, nil
	}
	next, err := l.read(last)
	if err != nil {
		return last, err
	}
	l.last.Store(next)
	return next, nil
}

// read reads all files and makes an edition of them, or returns last if they have not changed since.
func (l *Look) read(last *edition) (*edition, error) {
	s, err := l.languages()
	if err != nil {
		return nil, err
	}
	f, err := readFiles(l.o.Templates, l.o.Styles)
	if err != nil {
		return nil, err
	}
	next := newEdition(f, s, l.o.TimeZone, l.o.Frames)
	if last != nil && last.digest == next.digest {
		return last, nil
	}
	return next, next.parse(f)
}

// spoken are the languages of a look.
type spoken struct {
	site     *Language
	channels []channelLanguage
	all      []*Language
}

type channelLanguage struct {
	pattern  string
	language *Language
}

// of returns the language of a channel.
func (s *spoken) of(ch motacilla.ChannelID) *Language {
	for _, c := range s.channels {
		if ok, _ := path.Match(c.pattern, string(ch)); ok {
			return c.language
		}
	}
	return s.site
}

// at returns the language of the page at a path of this server: that of its channel, else the site's.
func (s *spoken) at(uri string) *Language {
	u, err := url.Parse(uri)
	if err != nil {
		return s.site
	}
	if rest, ok := strings.CutPrefix(u.Path, "/channels/"); ok {
		id, _, _ := strings.Cut(rest, "/")
		return s.of(motacilla.ChannelID(id))
	}
	return s.site
}

// wellFormed matches the language tags that browsers take: Unicode BCP 47 locale identifiers without extensions. Intl throws
// an error for others, such as de_AT.
var wellFormed = regexp.MustCompile(
	`^(?i)([a-z]{2,3}|[a-z]{5,8})(-[a-z]{4})?(-([a-z]{2}|[0-9]{3}))?(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*$`)

func (l *Look) languages() (*spoken, error) {
	from := l.o.Languages
	if from == nil {
		if l.o.LanguageFiles != nil {
			return nil, errors.New("languages: files of languages need LookOptions.Languages, such as page/languages")
		}
		from = onlyEnglish{}
	}
	if l.o.LanguageFiles != nil {
		var err error
		if from, err = from.With(l.o.LanguageFiles); err != nil {
			return nil, fmt.Errorf("languages: %w", err)
		}
	}
	find := func(tag string) (*Language, error) {
		if !wellFormed.MatchString(tag) {
			return nil, fmt.Errorf("%q must be a BCP 47 tag, such as de or pt-BR", tag)
		}
		found, err := from.Language(tag)
		if err != nil {
			return nil, err
		}
		if err := found.Validate(); err != nil {
			return nil, fmt.Errorf("the language %s: %w", found.Tag, err)
		}
		if found.Tag == tag {
			return found, nil
		}
		regional := *found // the browser writes times as the region does
		regional.Tag = tag
		return &regional, nil
	}
	s := &spoken{}
	var err error
	if s.site, err = find(l.o.Language); err != nil {
		return nil, fmt.Errorf("language: %w", err)
	}
	for _, pair := range l.o.ChannelLanguages {
		pattern, tag, ok := strings.Cut(pair, "=")
		if _, err := path.Match(pattern, ""); !ok || err != nil || pattern == "" {
			return nil, fmt.Errorf("channel_languages: %q must be PATTERN=TAG, such as wahl-*=de", pair)
		}
		language, err := find(tag)
		if err != nil {
			return nil, fmt.Errorf("channel_languages: %q: %w", pair, err)
		}
		s.channels = append(s.channels, channelLanguage{pattern, language})
	}
	for _, tag := range from.Tags() {
		language, err := find(tag)
		if err != nil {
			return nil, fmt.Errorf("languages: %w", err)
		}
		s.all = append(s.all, language)
	}
	return s, nil
}

// onlyEnglish are the languages of a look that is given none.
type onlyEnglish struct{}

func (onlyEnglish) Language(tag string) (*Language, error) {
	if base, _, _ := strings.Cut(tag, "-"); base != "en" {
		return nil, &UnknownLanguageError{tag, []string{"en"}}
	}
	return English(), nil
}

func (onlyEnglish) Tags() []string { return []string{"en"} }

func (o onlyEnglish) With(fs.FS) (Languages, error) { return o, nil }
