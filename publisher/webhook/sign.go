package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/motacilla-live/motacilla"
)

// The bytes of a key (Standard Webhooks, "Signature scheme").
const (
	minKey = 24
	maxKey = 64
)

// maxKeys is how many secrets a target may have: receivers look at a few signatures only.
const maxKeys = 4

// keys reads the secrets.
func keys(secrets []string) ([][]byte, error) {
	if len(secrets) == 0 || len(secrets) > maxKeys {
		return nil, motacilla.Invalid("secrets", "must be 1 to %d secrets: whsec_ and what openssl rand -base64 32 prints", maxKeys)
	}
	var list [][]byte
	for i, s := range secrets {
		text, prefixed := strings.CutPrefix(s, "whsec_")
		key, err := base64.StdEncoding.DecodeString(text)
		if !prefixed || err != nil || len(key) < minKey || len(key) > maxKey {
			return nil, motacilla.Invalid(fmt.Sprintf("secrets[%d]", i), "must be whsec_ and base64 of %d to %d bytes", minKey, maxKey)
		}
		list = append(list, key)
	}
	return list, nil
}

// sign returns one signature for each key.
func sign(keys [][]byte, id, at string, body []byte) string {
	var list []string
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		_, _ = mac.Write([]byte(id + "." + at + "."))
		_, _ = mac.Write(body)
		list = append(list, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(list, " ")
}
