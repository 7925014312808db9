// Package apps has four apps that have pages and a sign-in of their own, and a live site below /news/live. Each is the same
// shop with another router. Its file live.go has all that the app has for the live site.
package apps
