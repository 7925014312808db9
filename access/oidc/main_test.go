package oidc_test

import (
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/access/oidc"
	"github.com/motacilla-live/motacilla/internal/leaktest"
)

func TestMain(m *testing.M) {
	oidc.Patient(2 * time.Minute)
	leaktest.Main(m)
}
