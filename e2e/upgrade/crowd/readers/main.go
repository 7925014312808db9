// Command readers is a crowd of readers. It takes commands from its standard input, and ends with it.
package main

import (
	"fmt"
	"os"

	"github.com/motacilla-live/motacilla/e2e/upgrade/crowd"
)

func main() {
	if err := crowd.Run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "readers:", err)
		os.Exit(1)
	}
}
