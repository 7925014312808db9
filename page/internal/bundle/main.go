// Command bundle makes static/live.js of the browser client: go generate ./page
package main

import (
	"fmt"
	"os"
)

func main() {
	code, err := bundle("client/main.ts")
	if err == nil {
		err = os.WriteFile("static/live.js", code, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
