// Package load is a client with many connections that costs little: one thread, one edge-triggered epoll, one buffer,
// and no more of a protocol than it takes to find the updates. It checks what it reads: every reader must get every
// update once, in order, and no revision may go back.
package load
