package nchan

import (
	"crypto/md5" //nolint:gosec // nginx's secure links have no other hash
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

func checkReaders(o *Options) error {
	if err := relay.CheckReaders(&o.ReaderOptions, "https", "http"); err != nil || o.Readers == "" {
		return err
	}
	if err := checkURL("readers", o.Readers); err != nil {
		return err
	}
	if !o.Private {
		return nil
	}
	if err := checkURL("private_readers", o.PrivateReaders); err != nil {
		return err
	}
	switch u, err := url.Parse(o.PrivateReaders); {
	case err != nil || o.PrivateReaders == o.Readers:
		return motacilla.Invalid("private_readers", "must be another location than readers, which does not authorise readers")
	case o.ReadersKey != "" && !strings.Contains(u.Path, placeholder):
		return motacilla.Invalid("private_readers", "must have {channel} in its path: a secure link vouches for nothing behind the question mark")
	}
	return nil
}

// ticket implements relay.TicketOf.
func (o *Options) ticket(_ *http.Request, ch motacilla.ChannelID, private bool, expires time.Time) (*relay.Ticket, error) {
	t := &relay.Ticket{Protocol: name, URL: fill(o.Readers, ch)}
	if !private {
		return t, nil
	}
	t.URL = fill(o.PrivateReaders, ch)
	if o.ReadersKey == "" {
		return t, nil
	}
	var err error
	t.URL, err = SecureLink(o.ReadersKey, t.URL, expires)
	return t, err
}

// SecureLink returns a URL that is valid until expires where nginx has
//
//	secure_link $arg_md5,$arg_expires;
//	secure_link_md5 "$secure_link_expires$uri KEY";
//	if ($secure_link != "1") { return 403; }
//
// nginx looks at it when a reader connects.
func SecureLink(key, address string, expires time.Time) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("secure link: %w", err)
	}
	at := strconv.FormatInt(expires.Unix(), 10)
	sum := md5.Sum([]byte(at + u.Path + " " + key)) //nolint:gosec // see above
	q := u.Query()
	q.Set("md5", base64.RawURLEncoding.EncodeToString(sum[:]))
	q.Set("expires", at)
	u.RawQuery = q.Encode()
	return u.String(), nil
}
