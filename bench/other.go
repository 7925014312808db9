//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: only Linux has the system calls that the load client and the clocks of processes need")
	os.Exit(1)
}
