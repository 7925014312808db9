// Package loadtest has the tests that need a crowd: the real program with ten thousand readers that it is stopped and
// started under, with readers that do not read, and with connections that come and go as rudely as they can. Figures
// are logged (go test -v); what is asserted holds on a slow machine too.
package loadtest
