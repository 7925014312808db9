// Package shop is what the four apps share: a shop with its own pages and its own sign-in. Nothing in it has to do with
// live pages.
package shop
