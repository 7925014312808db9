// Package page serves live pages: the HTML of posts and pages, and the browser client. The client follows the channel
// from the revision of the served page. A page can be read without JavaScript; then it does not update itself.
//
// The browser client is written in TypeScript, in the folder client. It is bundled into static/live.js and
// static/live-posts.js, which are committed.
package page

//go:generate go run ./internal/bundle
