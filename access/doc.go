// Package access says who may do what. Access has the hook that authorises requests: [Access.Authorize].
//
// A request shows who sends it by a credential: a token in its Authorization header, a cookie, or a ticket in its URL. Each
// [Authenticator] knows credentials of one kind. What the package knows itself are the server's token, named tokens, sessions
// and tickets. Package access/jwt knows signed tokens, access/people accounts with passwords and passkeys, access/oidc accounts
// of another server. Whoever is known is a [Subject], which has [Rights]: roles, each on all channels or on some. One function
// decides from them, [Rights.Allow].
//
// Everything is kept in the store's records, so all nodes know it. Secrets are kept as hashes.
package access
