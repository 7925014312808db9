package people

import (
	_ "embed" // for common.txt
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/motacilla-live/motacilla/access"
	"golang.org/x/text/unicode/norm"
)

// The length of a password in characters. There are no rules about which characters it has (NIST SP 800-63B).
const (
	leastPassword = 10
	mostPassword  = 200
)

//go:embed common.txt
var commonText string

// common are the most common passwords of at least leastPassword characters, without what stands before and after their words.
var common = func() map[string]bool {
	all := make(map[string]bool)
	for line := range strings.Lines(commonText) {
		if line = strings.TrimSpace(line); line != "" {
			all[line], all[core(line)] = true, true
		}
	}
	delete(all, "")
	return all
}()

// checkPassword returns the word that says what is wrong with a new password; empty: nothing is. own are words that are too easy to
// guess here, such as the login.
func checkPassword(password string, own ...string) (wrong string) {
	folded := fold(password)
	switch n := utf8.RuneCountInString(norm.NFKC.String(password)); {
	case n < leastPassword || !utf8.ValidString(password):
		return access.PasswordShort
	case n > mostPassword:
		return access.PasswordLong
	}
	inner := core(folded)
	for _, word := range own {
		word = fold(word)
		if word != "" && (folded == word || repeats(folded, word)) {
			return access.PasswordOwn
		}
		if word = core(word); word != "" && (inner == word || repeats(inner, word)) {
			return access.PasswordOwn
		}
	}
	if common[folded] || common[inner] || monotonous(folded) {
		return access.PasswordCommon
	}
	return ""
}

func fold(s string) string { return strings.ToLower(norm.NFKC.String(s)) }

// core returns s without the digits and signs around its letters: what people put there to please a rule.
func core(s string) string {
	return strings.TrimFunc(s, func(c rune) bool { return !unicode.IsLetter(c) })
}

// repeats reports whether s is word twice or more.
func repeats(s, word string) bool { return s != "" && strings.ReplaceAll(s, word, "") == "" }

// monotonous reports whether s has fewer than four different characters, or only such as follow each other: 1234567890.
func monotonous(s string) bool {
	different, steps, last := make(map[rune]bool), 0, rune(-2)
	for _, c := range s {
		different[c] = true
		if c != last+1 && c != last-1 {
			steps++
		}
		last = c
	}
	return len(different) < 4 || steps <= 2
}
