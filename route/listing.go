package route

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/motacilla-live/motacilla"
)

// Listing fills pages of channels with those that a reader may read. The work for one page is bounded: if a reader may not
// read many channels in a row, the page is short, or empty, and the next page begins after them.
//
// The position of that next page is the ID of a channel that the reader may not know of. Listing encrypts it.
type Listing struct {
	cursors cipher.AEAD
}

const (
	// maxScanned is after how many channels a page ends, whether it is full or not.
	maxScanned = 1000
	// scanStep is how many channels are read at a time after the first reading, which takes as many as the page has.
	scanStep = 250
	// sealedMark begins an encrypted position. No channel's ID has it.
	sealedMark = ","
)

// NewListing returns a Listing whose positions are encrypted by a key that is derived from secret. Nodes that serve the
// same readers must have the same secret. If secret is empty, the key is random: no other process can read the positions.
func NewListing(secret string) *Listing {
	if secret == "" {
		secret = rand.Text()
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("motacilla listing"))
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		panic(err) // the key has the length of an AES-256 key
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES has the block size that GCM needs
	}
	return &Listing{cursors: aead}
}

// After returns the channel after which a page begins. s is what Page returned as next for the page before, or the ID of a
// channel. The error is an ErrInvalid.
func (l *Listing) After(s string) (motacilla.ChannelID, error) {
	if sealed, ok := strings.CutPrefix(s, sealedMark); ok {
		raw, err := base64.RawURLEncoding.DecodeString(sealed)
		if err == nil {
			raw, err = l.cursors.Open(nil, nil, raw, nil)
		}
		s = string(raw)
		if err != nil {
			s = ""
		}
	}
	id, err := motacilla.ParseChannelID(s)
	if err != nil {
		return "", motacilla.Invalid("after", `must be the "next" of an earlier answer, or a channel's ID`)
	}
	return id, nil
}

// Page returns one page: channels that readable accepts, at most limit, in the order of their IDs. after is the channel
// after which the page begins, or "" for the first page. next is the position of the next page, or "" if there is none.
// channels reads the store's next limit channels, as storage.Reader does. Page calls it at most five times, and readable
// at most 1,250 times. It returns their errors as they are.
func (l *Listing) Page(
	ctx context.Context, channels func(ctx context.Context, after motacilla.ChannelID, limit int) ([]motacilla.Channel, error),
	after motacilla.ChannelID, limit int, readable func(motacilla.Channel) (bool, error),
) (page []motacilla.Channel, next string, err error) {
	size := limit + 1 // one more than the page has shows that there is a next page
	for scanned := 0; scanned < maxScanned; {
		list, err := channels(ctx, after, size)
		if err != nil {
			return nil, "", err
		}
		for _, c := range list {
			ok, err := readable(c)
			if err != nil {
				return nil, "", err
			}
			if ok && len(page) == limit {
				return page, string(page[limit-1].ID), nil
			}
			if ok {
				page = append(page, c)
			}
			after = c.ID
		}
		if len(list) < size {
			return page, "", nil
		}
		scanned += size
		size = scanStep
	}
	return page, l.seal(after), nil
}

func (l *Listing) seal(id motacilla.ChannelID) string {
	sealed := l.cursors.Seal(nil, nil, []byte(id), nil) //nolint:gosec // NewGCMWithRandomNonce makes a nonce for each call and takes none
	return sealedMark + base64.RawURLEncoding.EncodeToString(sealed)
}

type channelKey struct{}

// WithChannel returns r carrying a channel that was just read. An [Authorizer] that is asked for this channel need not
// read it again.
func WithChannel(r *http.Request, c motacilla.Channel) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), channelKey{}, c))
}

// Channel returns the channel that r carries, if it is the one of that ID.
func Channel(r *http.Request, id motacilla.ChannelID) (c motacilla.Channel, ok bool) {
	c, ok = r.Context().Value(channelKey{}).(motacilla.Channel)
	return c, ok && c.ID == id
}
