// Package loadtest has the tests that need a crowd of readers. The real program is stopped and started under thousands of
// readers, has readers that do not read, and connections that come and go in rude ways. LOAD_READERS=10000 makes the crowds
// larger. Figures are logged (go test -v). What is asserted holds on a slow machine too.
package loadtest
