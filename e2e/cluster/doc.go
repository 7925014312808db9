// Package cluster tests several nodes over one store, behind a round-robin proxy, with readers of all transports. Nodes are
// killed, networks fail and notifications are lost. Some nodes speak TLS, and some do not. With -soak each test is run over TLS and
// without, and the faults last as long as real ones.
package cluster
