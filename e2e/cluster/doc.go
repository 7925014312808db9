// Package cluster tests the program as a cluster: several nodes of it over one store, behind a plain round-robin proxy,
// with readers of all transports, while nodes die, networks fail and notifications are lost. With -soak the faults take
// as long as they do in life.
package cluster
