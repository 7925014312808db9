package examples

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// quotes returns the file that code is quoted from: its first line names it, such as // examples/apps/chi/main.go.
func quotes(code string) (file string, is bool) {
	first, _, _ := strings.Cut(code, "\n")
	file, is = strings.CutPrefix(first, "// examples/")
	return filepath.Join("..", "examples", file), is
}

// checkQuote checks that the lines of code stand in file, in the same order. They must follow one another, except where "…"
// stands between them.
func checkQuote(file, code string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	_, code, _ = strings.Cut(code, "\n")
	rest := "\n" + string(text)
	for part := range strings.SplitSeq(leftOut.Replace(code), "…\n") {
		_, after, found := strings.Cut(rest, "\n"+part)
		if !found {
			return fmt.Errorf("%s does not have, or not in this order:\n%s", file, part)
		}
		rest = "\n" + after
	}
	return nil
}

// leftOut makes lines of "…" begin at the left.
var leftOut = strings.NewReplacer("\t\t\t…", "…", "\t\t…", "…", "\t…", "…")
