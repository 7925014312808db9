// Package deploy holds what operators start from (a container image, a systemd unit, manifests, a dashboard and alerts),
// and the tests that hold these files to their formats and to the program.
package deploy
