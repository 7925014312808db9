//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: the load client and the clocks of processes need Linux")
	os.Exit(1)
}
