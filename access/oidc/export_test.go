package oidc

import "time"

// The servers of the tests run on the same machine, which may be busy.
func init() { callTime = 2 * time.Minute }
