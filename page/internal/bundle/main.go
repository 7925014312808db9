// Command bundle writes the browser client and the style sheets to static/. go generate ./page runs it.
package main

import (
	"fmt"
	"os"
)

func main() {
	for output, entry := range outputs {
		code, err := bundle(entry)
		if err == nil {
			err = os.WriteFile(output, code, 0o644)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
