package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal opens a pseudo-terminal of that many columns. The person's end takes what a person types, and gives what the
// person sees. The program has the other end.
func terminal(t *testing.T, columns uint16) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no pseudo-terminals here: %v", err)
	}
	fd := int(person.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		program.Close()
		person.Close()
	})
	return person, program
}

// seen runs the program on a terminal with what the person types. It returns what the person sees.
func seen(t *testing.T, columns uint16, typed string, args ...string) (code int, screen string) {
	t.Helper()
	person, program := terminal(t, columns)
	var all bytes.Buffer
	var reading sync.WaitGroup
	reading.Go(func() {
		_, _ = all.ReadFrom(person) // ends with an error when the program's end closes
	})
	if _, err := person.WriteString(typed); err != nil {
		t.Fatal(err)
	}
	code = run(args, program, program, program)
	program.Close()
	reading.Wait()
	return code, strings.ReplaceAll(all.String(), "\r\n", "\n")
}

func TestTerminal(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("COLUMNS", "")
	remote := []string{"--server", serve(t), "--token", "s3cret"}
	do := func(args ...string) string {
		t.Helper()
		code, out, errs := call(append(args, remote...)...)
		if code != 0 {
			t.Fatalf("motacilla %q = %d, %s", args, code, errs)
		}
		return strings.TrimSpace(out)
	}
	do("channel", "create", "final", "--title", "The cup final, after extra time")
	do("post", "add", "final", "Good evening")
	id := do("post", "add", "final", "速報:優勝決定戦がまもなく始まります", "--author", "Mara")

	_, screen := seen(t, 40, "", append([]string{"channel", "list"}, remote...)...)
	if want := "CHANNEL  ACCESS  STATE  TITLE\nfinal    public  live   The cup final, …\n"; screen != want {
		t.Errorf("40 columns show\n%swant\n%s", screen, want)
	}
	_, screen = seen(t, 90, "", append([]string{"post", "list", "final", "--limit", "1"}, remote...)...)
	if !strings.Contains(screen, "  "+id+"         Mara    速報:優勝決定戦がまもなく…\nThere are older posts: motacilla post list final --before ") {
		t.Errorf("90 columns show\n%s", screen)
	}
	t.Setenv("COLUMNS", "200")
	if _, screen = seen(t, 40, "", append([]string{"channel", "list"}, remote...)...); !strings.Contains(screen, "extra time\n") {
		t.Errorf("COLUMNS=200 shows\n%s", screen)
	}

	del := append([]string{"channel", "delete", "final"}, remote...)
	for _, typed := range []string{"\n", "no\n", "yellow\n"} {
		if code, screen := seen(t, 80, typed, del...); code != 1 || !strings.Contains(screen, "nothing was deleted") ||
			!strings.Contains(screen, `"The cup final, after extra time") with all its posts? This can't be undone. [y/N]`) {
			t.Errorf("%q: %d\n%s", typed, code, screen)
		}
	}
	do("channel", "show", "final")
	if code, screen := seen(t, 80, "y\n", del...); code != 0 {
		t.Errorf("y: %d\n%s", code, screen)
	}
	if code, _, _ := call(append([]string{"channel", "show", "final"}, remote...)...); code != exitNotFound {
		t.Errorf("afterwards: %d", code)
	}
}

// On a terminal the command asks for alternative texts, and shows how far a large upload is.
func TestPostImagesOnTerminal(t *testing.T) {
	store, remote := album(t)
	picture(t, "large.png", 740) // just above 1 MiB, from where on there is a bar
	picture(t, "small.png", 40)
	args := append([]string{"post", "add", "final", "--image", "large.png", "--image", "small.png"}, remote...)
	code, screen := seen(t, 80, "A large picture\n\n", args...)
	if code != 0 || !strings.Contains(screen, "Describe large.png for readers who can't see it: ") ||
		!strings.Contains(screen, "Describe small.png for") || !strings.Contains(screen, "large.png [##############################] 100% of ") ||
		strings.Contains(screen, "small.png [") {
		t.Fatalf("%d\n%q", code, screen)
	}
	list := posts(t, store)
	if len(list) != 1 || len(list[0].Content) != 2 || list[0].Content[0].Alt != "A large picture" || list[0].Content[1].Alt != "" {
		t.Errorf("posted is %+v", list)
	}
	if code, screen := seen(t, 80, "\x04", args...); code != exitFailure || !strings.Contains(screen, "nothing was posted") {
		t.Errorf("the end of input: %d\n%s", code, screen)
	}
}

func TestShortTime(t *testing.T) {
	now := time.Date(2026, 11, 25, 20, 0, 0, 0, time.Local)
	for at, want := range map[time.Time]string{
		now.Add(-time.Hour): "19:00:00", now.AddDate(0, 0, -1): "2026-11-24 20:00",
	} {
		if got := shortTime(at.UTC(), now); got != want {
			t.Errorf("%v is %q, want %q", at, got, want)
		}
	}
}
