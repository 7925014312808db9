// Package upgrade tests that a server is replaced by a new process while readers read and writers write. No stream is closed, and
// nothing is lost or doubled. Processes are killed in the middle of an upgrade, and new programs are broken. With -soak there are
// 10,000 streams and 20 upgrades in a row, and more deaths.
package upgrade
