package page

import (
	"encoding/json"
	"reflect"
)

// clientWords are the words that the browser client says (client/labels.ts).
var clientWords = []string{
	"badge", "ended", "connecting", "live", "reconnecting", "paused", "offline", "gone", "refused", "blocked",
	"element_gone", "element_refused", "posts", "empty", "earlier", "earlier_failed", "key_event", "edited", "pinned", "just_now",
	"show_content", "always_show",
}

// words are what the browser client needs of a language. Pages have them as data, and the server has a file of them for
// elements in pages of other sites.
type words struct {
	Language  string                       `json:"language"`
	Direction string                       `json:"direction"`
	Words     map[string]string            `json:"words"`
	Plurals   map[string]map[string]string `json:"plurals"`
}

func wordsOf(l *Language) *words {
	w := &words{Language: l.Tag, Direction: l.Direction, Words: map[string]string{}, Plurals: l.Plurals}
	for _, key := range clientWords {
		w.Words[key] = l.Words[key]
	}
	return w
}

// builtIn reports whether the browser client says these words anyway.
func (w *words) builtIn() bool { return reflect.DeepEqual(w, wordsOf(&english)) }

// file returns the words as a file.
func (w *words) file() []byte {
	body, _ := json.Marshal(w) // texts can be encoded
	return body
}
