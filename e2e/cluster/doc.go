// Package cluster tests several nodes over one store, behind a round-robin proxy, with readers of all transports. Nodes are
// killed, networks fail and notifications are lost. With -soak the faults last as long as real ones.
package cluster
