package slack_test

import (
	"fmt"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// log returns a logger. The test fails if a secret is logged.
func log(t testing.TB) *zap.Logger {
	core, logs := observer.New(zapcore.DebugLevel)
	t.Cleanup(func() {
		for _, e := range logs.All() {
			text := e.Message + fmt.Sprint(e.ContextMap())
			for _, secret := range []string{botToken, appToken, signingSecret, "secret-ticket"} {
				if strings.Contains(text, secret) {
					t.Errorf("a secret is logged: %s", text)
				}
			}
		}
	})
	return zap.New(core)
}
