// Package page is the live page: the HTML of posts and of pages, and the browser client, which brings the page on from
// the revision that it was served with. A page is complete without JavaScript.
//
// The browser client stands in client, in TypeScript, and is bundled into static/live.js, which is committed.
package page

//go:generate go run ./internal/bundle
