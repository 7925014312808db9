package languages

import (
	"github.com/motacilla-live/motacilla/page"
	"go.uber.org/fx"
)

// Module gives an app the languages of this package. The configuration chooses with page.language and
// page.channel_languages, and adds more with page.languages.
var Module = fx.Module("languages", fx.Provide(func() (page.Languages, error) { return New() }))
