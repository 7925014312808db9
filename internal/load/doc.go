// Package load is a client with many connections that costs little. It has one thread, one edge-triggered epoll and one
// buffer, and parses only as much of a protocol as it needs to find updates. It checks that each reader gets each update
// once and in order, and that no revision goes back.
package load
