// Package deploy has what operators begin with: a container image, a systemd unit, manifests, a dashboard and alerts. Its
// tests check the formats of these files and compare them with the program.
package deploy
