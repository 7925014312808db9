package verify

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // HMAC with SHA-1 is not broken, and some sources have nothing else
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
)

// Tolerance is how old a signature with a timestamp may be, or how far in the future, unless the options say otherwise.
const Tolerance = 5 * time.Minute

// maxSignatures is how many signatures of a header are looked at. A source sends two or three while it replaces a secret.
const maxSignatures = 16

// HMACOptions say how a source signs. Zero fields mean the defaults.
type HMACOptions struct {
	Header    string // which has the signature, such as X-Hub-Signature-256; required
	Algorithm string // sha1, sha256 or sha512; default sha256
	Encoding  string // of the signature: hex or base64; default hex
	Prefix    string // before each signature, such as "sha256="
	// Separator stands between the parts of the header, such as ",". The parts that begin with Prefix are signatures, and one
	// of them must be right. "" means that the header is one signature.
	Separator string
	// Timestamp is the header with the time at which the request was signed, in seconds since the Unix epoch. If it ends in
	// "=", such as "t=", it is the part of Header that begins so. "" means that the signature has no time, and so a request that
	// somebody has recorded can be sent again.
	Timestamp string
	// Signed is what is signed, with {body}, {timestamp} and the names of headers in braces, such as {webhook-id}. Default
	// {body}, or {timestamp}.{body} if there is a timestamp.
	Signed    string
	Tolerance time.Duration // default 5 minutes
}

// keyed is the HMAC's Verifier.
type keyed struct {
	o      HMACOptions
	new    func() hash.Hash
	parts  []part
	keys   [][]byte
	decode func(string) ([]byte, error)
}

// part is a piece of what is signed: text as it is, or what stands in braces.
type part struct{ text, name string }

// The names in braces that are no headers.
const (
	bodyPart      = "body"
	timestampPart = "timestamp"
)

var braces = regexp.MustCompile(`\{([^{}]*)\}`)

// HMAC returns the Verifier of a source that signs as o says. The error is an ErrInvalid that names header, algorithm, encoding,
// separator, timestamp, signed, tolerance or secrets.
func HMAC(o HMACOptions, secrets ...string) (receiver.Verifier, error) {
	if err := checkSecrets(secrets); err != nil {
		return nil, err
	}
	keys := make([][]byte, len(secrets))
	for i, s := range secrets {
		keys[i] = []byte(s)
	}
	return newKeyed(o, keys)
}

func newKeyed(o HMACOptions, keys [][]byte) (*keyed, error) {
	k := &keyed{o: o, keys: keys}
	if err := checkHeader("header", o.Header); err != nil {
		return nil, err
	}
	switch o.Algorithm {
	case "", "sha256":
		k.new = sha256.New
	case "sha512":
		k.new = sha512.New
	case "sha1":
		k.new = sha1.New
	default:
		return nil, motacilla.Invalid("algorithm", "must be sha1, sha256 or sha512, not %q", o.Algorithm)
	}
	switch o.Encoding {
	case "", "hex":
		k.decode = hex.DecodeString
	case "base64":
		k.decode = base64.StdEncoding.DecodeString
	default:
		return nil, motacilla.Invalid("encoding", "must be hex or base64, not %q", o.Encoding)
	}
	if k.inside() {
		if o.Separator == "" {
			return nil, motacilla.Invalid("separator", "must be set if the timestamp is a part of %s", o.Header)
		}
	} else if o.Timestamp != "" {
		if err := checkHeader("timestamp", o.Timestamp); err != nil {
			return nil, err
		}
	}
	switch {
	case o.Tolerance < 0:
		return nil, motacilla.Invalid("tolerance", "must not be negative")
	case o.Tolerance == 0:
		k.o.Tolerance = Tolerance
	}
	return k, k.parse()
}

// inside reports whether the timestamp is a part of the header that has the signature.
func (k *keyed) inside() bool { return strings.HasSuffix(k.o.Timestamp, "=") }

// parse reads what is signed.
func (k *keyed) parse() error {
	signed := k.o.Signed
	switch {
	case signed == "" && k.o.Timestamp != "":
		signed = "{timestamp}.{body}"
	case signed == "":
		signed = "{body}"
	}
	at := 0
	has := map[string]bool{}
	for _, m := range braces.FindAllStringSubmatchIndex(signed, -1) {
		name := signed[m[2]:m[3]]
		if name != bodyPart && name != timestampPart {
			if err := checkHeader("signed", name); err != nil {
				return err
			}
		}
		has[name] = true
		k.parts = append(k.parts, part{text: signed[at:m[0]]}, part{name: name})
		at = m[1]
	}
	k.parts = append(k.parts, part{text: signed[at:]})
	switch {
	case !has[bodyPart]:
		return motacilla.Invalid("signed", "must have {body}: otherwise anybody could change the document")
	case has[timestampPart] && k.o.Timestamp == "":
		return motacilla.Invalid("timestamp", "must be set, since {timestamp} is signed")
	case !has[timestampPart] && k.o.Timestamp != "":
		return motacilla.Invalid("signed", "must have {timestamp}: otherwise anybody could change the time")
	}
	return nil
}

// Verify checks the time first, which costs nothing.
func (k *keyed) Verify(h http.Header, body []byte, now time.Time) error {
	header, err := single(h, k.o.Header)
	if err != nil {
		return err
	}
	pieces := []string{header}
	if k.o.Separator != "" {
		pieces = strings.SplitN(header, k.o.Separator, 4*maxSignatures)
	}
	timestamp, err := k.timestamp(h, pieces, now)
	if err != nil {
		return err
	}
	var signatures [][]byte
	for _, p := range pieces {
		text, ok := strings.CutPrefix(strings.TrimSpace(p), k.o.Prefix)
		if !ok || len(signatures) == maxSignatures {
			continue
		}
		if s, err := k.decode(text); err == nil {
			signatures = append(signatures, s)
		}
	}
	if len(signatures) == 0 {
		return fmt.Errorf("%s has no signature of the form that is expected: %w", k.o.Header, motacilla.ErrUnauthorized)
	}
	right := false
	for _, key := range k.keys {
		sum, err := k.sum(key, h, body, timestamp)
		if err != nil {
			return err
		}
		for _, s := range signatures {
			right = hmac.Equal(sum, s) || right
		}
	}
	if !right {
		return wrong(k.o.Header)
	}
	return nil
}

func (k *keyed) sum(key []byte, h http.Header, body []byte, timestamp string) ([]byte, error) {
	mac := hmac.New(k.new, key)
	for _, p := range k.parts {
		switch p.name {
		case "":
			mac.Write([]byte(p.text))
		case bodyPart:
			mac.Write(body)
		case timestampPart:
			mac.Write([]byte(timestamp))
		default:
			value, err := single(h, p.name)
			if err != nil {
				return nil, err
			}
			mac.Write([]byte(value))
		}
	}
	return mac.Sum(nil), nil
}

// timestamp returns the time at which the request was signed, as the source wrote it. It is "" if signatures have none.
func (k *keyed) timestamp(h http.Header, pieces []string, now time.Time) (string, error) {
	text, name := "", k.o.Timestamp
	switch {
	case name == "":
		return "", nil
	case k.inside():
		name = k.o.Header
		for _, p := range pieces {
			value, ok := strings.CutPrefix(strings.TrimSpace(p), k.o.Timestamp)
			if ok && text != "" {
				return "", fmt.Errorf("%s has two timestamps: %w", name, motacilla.ErrUnauthorized)
			}
			if ok {
				text = value
			}
		}
	default:
		var err error
		if text, err = single(h, name); err != nil {
			return "", err
		}
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	const last = 1 << 40 // far beyond the year 9999
	switch {
	case err != nil || seconds < 0 || seconds > last:
		return "", fmt.Errorf("%s has no timestamp in seconds: %w", name, motacilla.ErrUnauthorized)
	case now.Sub(time.Unix(seconds, 0)).Abs() > k.o.Tolerance:
		return "", fmt.Errorf("%s is more than %v away from this server's time: %w", name, k.o.Tolerance, motacilla.ErrUnauthorized)
	}
	return text, nil
}
