// Package oidc lets people sign in at another server, by OpenID Connect: a company's own, or one of Google, Microsoft and others.
// What they may do here follows from the groups that the server says they are in.
//
// [OIDC.begin] sends the browser to the server, with what only this browser can complete: state, nonce and PKCE's verifier are
// made of one secret, which a cookie keeps ([attempt]). [OIDC.callback] takes the browser back, checks that all of it fits,
// and begins a session. The session's rights are fixed, so it is short.
//
// A session ends before its time if the server says so (Back-Channel Logout, [OIDC.backChannel]), or if somebody signs out.
package oidc
