package oidc

import "time"

// Patient gives calls more time. The servers of the tests run on the same machine, which may be busy.
func Patient(d time.Duration) { callTime = d }
