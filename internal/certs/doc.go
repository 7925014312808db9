// Package certs keeps the certificates of a server that speaks TLS. They come from files that somebody else renews (Files), or
// from a certificate authority by ACME (Keeper). Both put them into a Table, which answers handshakes. A Stapler adds answers
// of OCSP to the certificates of a Table.
//
// ACME is RFC 8555. Package acmez speaks it. What is here is what a server needs around it: nodes that share certificates and
// issue them one at a time, renewal in time, and patience when the authority does not answer.
package certs
