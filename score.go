package motacilla

// MaxSide is the longest name of a side in a [Score], in bytes. MaxScoreText is the longest of its other texts.
const (
	MaxSide      = 100
	MaxScoreText = 50
)

// Score is how a match or a vote between two sides stands. All of it is plain text, since each sport counts differently.
type Score struct {
	Home      string `json:"home"` // the name of the side that is shown first, 1 to MaxSide bytes
	Away      string `json:"away"`
	HomeScore string `json:"home_score"` // such as "2" or "6 7 6"; empty before the start
	AwayScore string `json:"away_score"`
	Note      string `json:"note"` // when or what, such as "67'" or "Half-time"
}

// String returns s on one line, such as "Arsenal 2–1 Chelsea, 67'".
func (s Score) String() string {
	line := s.Home + " – " + s.Away
	if s.HomeScore != "" || s.AwayScore != "" {
		line = s.Home + " " + s.HomeScore + "–" + s.AwayScore + " " + s.Away
	}
	if s.Note != "" {
		line += ", " + s.Note
	}
	return line
}

func (s Score) validate(field string) error {
	for _, f := range []struct {
		name, value string
		most        int
		needed      bool
	}{
		{".home", s.Home, MaxSide, true}, {".away", s.Away, MaxSide, true}, {".home_score", s.HomeScore, MaxScoreText, false},
		{".away_score", s.AwayScore, MaxScoreText, false}, {".note", s.Note, MaxScoreText, false},
	} {
		if f.needed && f.value == "" {
			return Invalid(field+f.name, "must not be empty")
		}
		if err := validText(field+f.name, f.value, f.most); err != nil {
			return err
		}
	}
	return nil
}
