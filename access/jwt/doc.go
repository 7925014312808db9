// Package jwt knows people and programs by signed tokens: JSON Web Tokens (RFC 7519) of an app or of an identity provider. A token
// says by its claims who somebody is and what it may do. Nothing of it is kept.
//
// Each key has one algorithm, and a token must be signed by that one. A token's header only chooses among the keys that the
// options give: nothing that it names is fetched.
package jwt
