// Package compose is the editors' desk: a page at /compose with a program for browsers, which writes by the REST interface. The
// program is written in TypeScript, in the folder client. It is bundled into static/desk.js and static/desk.css, which are committed.
//
// # Source
//
// The desk itself takes no posts. Its program sends them to the receivers webapp and drafts, as any client does, with the cookie
// of whoever has signed in. The page is for whoever may draft on some channel. What somebody may do is decided for each request.
//
// # Repeats
//
// The program keeps what is written in the browser until the server has it, and sends it with an Idempotency-Key.
//
// # Options
//
// The path of the desk, how long a deletion can be undone, and a logger. In the configuration: {type: compose, path: /compose, undo: 8s}.
//
// # Limits
//
// A preview has the limits of a post.
package compose

//go:generate go run ./internal/bundle
