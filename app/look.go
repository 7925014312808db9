package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/motacilla-live/motacilla/media"
	"github.com/motacilla-live/motacilla/page"
	"go.uber.org/fx"
)

// lookIn has the languages that the app provides, such as languages.Module.
type lookIn struct {
	fx.In

	Config    *Config
	Languages page.Languages `optional:"true"`
	Embeds    media.Embeds   `optional:"true"`
}

// newLook makes the look that page.* describes.
func newLook(in lookIn) (*page.Look, error) {
	frames := page.FramesOff
	if in.Embeds != nil {
		frames = page.Frames(in.Embeds.Frames())
	}
	return look(in.Config.Page, frames, in.Languages)
}

// look makes the look of the settings. languages are nil if the app provides none.
func look(s PageSettings, frames page.Frames, languages page.Languages) (*page.Look, error) {
	o := page.LookOptions{
		Language: s.Language, ChannelLanguages: s.ChannelLanguages, Languages: languages, Reload: s.Reload, Frames: frames,
	}
	var err error
	if o.TimeZone, err = time.LoadLocation(s.TimeZone); err != nil {
		return nil, fmt.Errorf("page.time_zone: %w", err)
	}
	if o.Templates, err = folder("page.templates", s.Templates); err != nil {
		return nil, err
	}
	if o.LanguageFiles, err = folder("page.languages", s.Languages); err != nil {
		return nil, err
	}
	if s.Styles != "" {
		o.Styles = func() ([]byte, error) { return os.ReadFile(s.Styles) }
	}
	if languages == nil && o.LanguageFiles != nil {
		return nil, errors.New("page.languages: this app reads no languages; add languages.Module of page/languages to it")
	}
	made, err := page.NewLook(o)
	if err != nil && languages == nil {
		var unknown *page.UnknownLanguageError
		if errors.As(err, &unknown) {
			err = fmt.Errorf("%w; add languages.Module of page/languages to this app", err)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("page.%w", err)
	}
	return made, nil
}

// folder returns the folder that a key names, or nil if it names none.
func folder(key, name string) (fs.FS, error) {
	if name == "" {
		return nil, nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s: must be a folder, and %s is a file", key, name)
	}
	return os.DirFS(name), nil
}
