//go:build !unix

package app

import (
	"context"
	"io/fs"
)

func lockFolder(context.Context, string) (unlock func(), err error) { return func() {}, nil }

func limitSocket(uintptr, fs.FileMode) {}
