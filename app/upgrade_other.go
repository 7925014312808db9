//go:build !unix

package app

import "context"

func (u *upgrader) onSignal(context.Context) {}
