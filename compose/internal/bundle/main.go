// Command bundle writes the desk's program for browsers, its style sheet and the licences of what is in it to static/. go generate
// ./compose runs it, in the folder compose. It needs Node.js and npm, which install the libraries.
package main

import (
	"context"
	"fmt"
	"os"
)

func main() {
	err := install(context.Background())
	var files map[string][]byte
	if err == nil {
		files, err = outputs()
	}
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
