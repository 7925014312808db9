package publishertest

import "time"

// SetPatience sets how long tests wait for what should happen at once.
func SetPatience(d time.Duration) { patience = d }
