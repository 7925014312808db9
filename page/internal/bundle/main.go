// Command bundle writes the browser client and the style sheets to static/, and the modules and types of the npm package to
// packages/client. go generate ./page runs it, in the folder page.
package main

import (
	"fmt"
	"os"
)

func main() {
	files, err := outputs()
	for name, content := range files {
		if err == nil {
			err = os.WriteFile(name, content, 0o644)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
