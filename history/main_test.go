package history_test

import (
	"testing"

	"github.com/motacilla-live/motacilla/internal/realserver"
)

func TestMain(m *testing.M) { realserver.Main(m) }
