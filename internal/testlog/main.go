// Command testlog reads `go test -json` from its standard input and prints what a reader needs: a line for each package,
// the output of each test that failed, and at the end the failed tests once more. What passing tests print, such as the
// failures of doubles that are broken on purpose, is left out. It exits with 1 if a test failed or no package was tested.
// With -strict a skipped test is a failure too.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	strict := flag.Bool("strict", false, "take a skipped test for a failure")
	flag.Parse()
	ok, err := report(os.Stdin, os.Stdout, *strict)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testlog:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}
