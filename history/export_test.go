package history

import "time"

// Patient gives a history more time to note who wrote a version. A slow machine may need it.
func (h *History) Patient(d time.Duration) { h.noting = d }
