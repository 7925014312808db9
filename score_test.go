package motacilla_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/motacilla-live/motacilla"
)

func TestScoreString(t *testing.T) {
	for want, s := range map[string]motacilla.Score{
		"Arsenal – Chelsea":                {Home: "Arsenal", Away: "Chelsea"},
		"Arsenal – Chelsea, 20:45":         {Home: "Arsenal", Away: "Chelsea", Note: "20:45"},
		"Arsenal 2–1 Chelsea, 67'":         {Home: "Arsenal", Away: "Chelsea", HomeScore: "2", AwayScore: "1", Note: "67'"},
		"Swiatek 6 7–4 5 Gauff, match won": {Home: "Swiatek", Away: "Gauff", HomeScore: "6 7", AwayScore: "4 5", Note: "match won"},
	} {
		if got := s.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestScoreFields: an error names the field as JSON has it, and the fields of other blocks are not kept.
func TestScoreFields(t *testing.T) {
	for field, data := range map[string]string{
		"value.home":       `{"type":"score","value":{"away":"B"}}`,
		"value.away":       `{"type":"score","value":{"home":"A","away":""}}`,
		"value.home_score": `{"type":"score","value":{"home":"A","away":"B","home_score":2}}`,
		"value.note":       `{"type":"score","value":{"home":"A","away":"B","note":"\u0000"}}`,
	} {
		var got motacilla.RawBlock
		var wrong *motacilla.FieldError
		if err := json.Unmarshal([]byte(data), &got); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", data, err)
		}
	}
	var got motacilla.RawBlock
	if err := json.Unmarshal([]byte(`{"type":"score","value":{"home":"A","away":"B","url":"https://e.example/","text":"x"}}`), &got); err != nil {
		t.Fatal(err)
	}
	if want := (motacilla.RawBlock{Type: motacilla.ScoreBlock, Score: motacilla.Score{Home: "A", Away: "B"}}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
