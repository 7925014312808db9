//go:build !linux

package postgres

import "syscall"

// userTimeout is Linux's; elsewhere the deadline of each call has to do.
func userTimeout(string, string, syscall.RawConn) error { return nil }
