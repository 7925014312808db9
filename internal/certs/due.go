package certs

import (
	"crypto/x509"
	"math/rand/v2"
	"time"
)

// Window says when an authority wants a certificate to be renewed.
type Window struct {
	Start, End time.Time
	Chosen     time.Time // a random time between them
	Again      time.Time // when to ask again; zero: whenever
}

// dueAt returns when a certificate is to be renewed: when the authority says, or else after two thirds of its life. In the last
// tenth of its life it is due whatever the authority says.
func dueAt(cert *x509.Certificate, w Window) time.Time {
	life := cert.NotAfter.Sub(cert.NotBefore)
	at := cert.NotBefore.Add(life * 2 / 3)
	if !w.Chosen.IsZero() {
		at = w.Chosen
	}
	if last := cert.NotAfter.Add(-life / 10); at.After(last) {
		return last
	}
	return at
}

// The first wait after an attempt that failed, and the longest one. Let's Encrypt takes five failures an hour for a host. The
// attempts of the first hour begin after 0, 2, 6, 14 and 30 minutes.
const (
	firstWait   = 2 * time.Minute
	longestWait = time.Hour
)

// wait returns how long to wait after so many failures in a row, with up to a tenth more.
func wait(failures int) time.Duration {
	d := longestWait
	if failures <= 5 {
		d = firstWait << (failures - 1)
	}
	return d + rand.N(d/10)
}

// How long a window of an authority is believed: as long as it says, within these bounds.
const (
	leastWindow = time.Minute
	mostWindow  = 24 * time.Hour
	usualWindow = 6 * time.Hour
)

// askAgain returns when to ask for the window again.
func (w Window) askAgain(now time.Time) time.Time {
	if w.Again.IsZero() {
		return now.Add(usualWindow)
	}
	return now.Add(min(max(w.Again.Sub(now), leastWindow), mostWindow))
}
