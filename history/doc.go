// Package history keeps the versions of posts: who made each, when, and what changed. Editors restore one, and admins delete a post
// with all its versions for good.
//
// # What is kept
//
// Before a post is changed or removed, the version that was there is kept, unless it is kept already. After somebody with a permission
// has written a post, the new version is kept too, with the name. So a post that nobody changes, and that a source without a
// permission of its own has made, costs nothing. If a node dies between both, it is at most not known who made one version: its content
// is in the store of posts until it is replaced, and in the history before that.
//
// Versions are records. Those that were replaced end after [Options].Keep, and a post has about [Options].Versions of them.
package history
