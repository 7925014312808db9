package jwt_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/access/jwt"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// An app signs a token for a reader who has paid for some matches.
func Example() {
	const secret = "not this one, but at least 32 random bytes"
	token, err := gojwt.NewWithClaims(gojwt.SigningMethodHS256, gojwt.MapClaims{
		"aud": "live", "sub": "42", "name": "Anna", "exp": time.Now().Add(time.Hour).Unix(),
		"motacilla": map[string]any{"role": "reader", "channels": []string{"match-*"}},
	}).SignedString([]byte(secret))
	if err != nil {
		fmt.Println(err)
		return
	}

	store := memory.New(nil)
	defer store.Close()
	kit := access.NewKit(&access.KitOptions{Records: store.Records()})
	authenticator, err := jwt.New(kit, &jwt.Options{Audience: []string{"live"}, Secret: secret})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	defer func() { _ = authenticator.Shutdown(ctx) }()

	subject, err := authenticator.Authenticate(ctx, access.Credential{Secret: token})
	fmt.Println(subject.Holder.Who, subject.Holder.Name, subject.Rights, err)
	_, err = authenticator.Authenticate(ctx, access.Credential{Secret: token + "a"})
	fmt.Println(errors.Is(err, motacilla.ErrUnauthorized))
	// Output:
	// jwt/42 Anna [reader:match-*] <nil>
	// true
}
