// Package work is what the nodes of a store do together: a [Queue] of jobs that outlive a node, a [Hold] of what only one node
// may do at a time, and [Seen], which tells whether something was done before. All of it is kept in the store's records.
//
// No rule compares the clocks of two nodes. When something expires, and when a job is due, the store's clock says.
//
// Receivers, publishers and package media use it, and so may an app's own code. It knows nothing of channels and posts.
package work
