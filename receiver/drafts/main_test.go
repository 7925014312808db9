package drafts

import (
	"testing"

	"github.com/motacilla-live/motacilla/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
