// Command reference writes docs/configuration.md, the reference of every key, from the types of the options.
package main

import (
	"log"
	"os"
)

func main() {
	text, err := reference()
	if err == nil {
		err = os.WriteFile(os.Args[1], []byte(text), 0o600)
	}
	if err != nil {
		log.Fatal(err)
	}
}
