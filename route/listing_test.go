package route_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// listed is a store of n private channels, p0000 and so on. It counts what is read.
type listed struct {
	n            int
	reads, asked int
}

func (l *listed) channels(_ context.Context, after motacilla.ChannelID, limit int) (list []motacilla.Channel, err error) {
	l.reads++
	for i := 0; i < l.n && len(list) < limit; i++ {
		if id := motacilla.ChannelID(fmt.Sprintf("p%04d", i)); id > after {
			list = append(list, motacilla.Channel{ID: id, Access: motacilla.Private})
		}
	}
	return list, nil
}

func (l *listed) page(t *testing.T, listing *route.Listing, after string, limit int, may func(id string) bool) (ids []string, next string) {
	t.Helper()
	var begin motacilla.ChannelID
	if after != "" {
		var err error
		if begin, err = listing.After(after); err != nil {
			t.Fatal(err)
		}
	}
	page, next, err := listing.Page(t.Context(), l.channels, begin, limit, func(c motacilla.Channel) (bool, error) {
		l.asked++
		return may(string(c.ID)), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range page {
		ids = append(ids, string(c.ID))
	}
	return ids, next
}

func TestListingPages(t *testing.T) {
	listing := route.NewListing("s3cret")
	for _, tt := range []struct {
		name  string
		n     int
		limit int
		may   func(id string) bool
		pages string // the last digits of IDs, a comma between pages
	}{
		{"nothing there", 0, 2, func(string) bool { return true }, ""},
		{"a full last page", 4, 2, func(string) bool { return true }, "01,23"},
		{"a short last page", 3, 2, func(string) bool { return true }, "01,2"},
		{"others between", 6, 2, func(id string) bool { return id >= "p0002" && id != "p0003" }, "24,5"},
		{"others at the end", 30, 2, func(id string) bool { return id < "p0002" }, "01"},
		{"many others in a row", 2500, 2, func(id string) bool { return id < "p0001" || id > "p2498" }, "0,,9"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var pages []string
			for next, first := "", true; first || next != ""; first = false {
				source := &listed{n: tt.n}
				var ids []string
				ids, next = source.page(t, listing, next, tt.limit, tt.may)
				page := ""
				for _, id := range ids {
					page += id[len(id)-1:]
				}
				pages = append(pages, page)
				if source.reads > 5 || source.asked > 1250 {
					t.Errorf("%d reads, and %d channels asked for, for one page", source.reads, source.asked)
				}
			}
			if got := strings.Join(pages, ","); got != tt.pages {
				t.Errorf("pages %q, want %q", got, tt.pages)
			}
		})
	}
}

func TestListingPositionsAreSecret(t *testing.T) {
	listing := route.NewListing("s3cret")
	source := &listed{n: 5000}
	_, next := source.page(t, listing, "", 1, func(string) bool { return false })
	id, err := listing.After(next)
	if next == "" || err != nil || id < "p0999" {
		t.Fatalf("next is %q: After(next) = %q, %v", next, id, err)
	}
	sealed, _ := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(next, ","))
	if strings.Contains(next, string(id)) || len(sealed) == 0 || bytes.Contains(sealed, []byte(id)) {
		t.Errorf("next is %q, which shows %q", next, id)
	}
	if id, err := route.NewListing("s3cret").After(next); err != nil || id < "p0999" {
		t.Errorf("on another node with the same secret, After(next) = %q, %v", id, err)
	}
	for _, other := range []*route.Listing{route.NewListing("other"), route.NewListing(""), route.NewListing("")} {
		if id, err := other.After(next); !errors.Is(err, motacilla.ErrInvalid) {
			t.Errorf("with another secret, After(next) = %q, %v", id, err)
		}
	}
	for _, bad := range []string{"", ",", ",!", ",AAAA", next[:len(next)-2], "a,b", "a/b", ".."} {
		if id, err := listing.After(bad); !errors.Is(err, motacilla.ErrInvalid) {
			t.Errorf("After(%q) = %q, %v", bad, id, err)
		}
	}
}

func TestListingEndsWithAnError(t *testing.T) {
	down := func(context.Context, motacilla.ChannelID, int) ([]motacilla.Channel, error) {
		return nil, motacilla.ErrUnavailable
	}
	yes := func(motacilla.Channel) (bool, error) { return true, nil }
	if _, _, err := route.NewListing("").Page(t.Context(), down, "", 1, yes); !errors.Is(err, motacilla.ErrUnavailable) {
		t.Error(err)
	}
	no := func(motacilla.Channel) (bool, error) { return false, motacilla.ErrUnavailable }
	if _, _, err := route.NewListing("").Page(t.Context(), (&listed{n: 1}).channels, "", 1, no); !errors.Is(err, motacilla.ErrUnavailable) {
		t.Error(err)
	}
}
