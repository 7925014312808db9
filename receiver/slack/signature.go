package slack

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/slack-go/slack"
)

// signatures returns the Verifier of requests that Slack signs with one of these secrets. A request is valid for five minutes.
//
// https://docs.slack.dev/authentication/verifying-requests-from-slack/
func signatures(secrets []string) receiver.Verifier {
	return receiver.VerifierFunc(func(h http.Header, body []byte, _ time.Time) error {
		reason := "X-Slack-Signature is missing or wrong"
		for _, secret := range secrets {
			v, err := slack.NewSecretsVerifier(h, secret)
			if err == nil {
				_, _ = v.Write(body) // a hash takes everything
				err = v.Ensure()
			}
			if err == nil {
				return nil
			}
			if errors.Is(err, slack.ErrExpiredTimestamp) {
				reason = "X-Slack-Request-Timestamp is more than 5 minutes away"
			}
		}
		return fmt.Errorf("%s: %w", reason, motacilla.ErrUnauthorized)
	})
}
