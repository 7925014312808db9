package client

import (
	"iter"
	"net/url"
	"strconv"
)

// MaxPage is the most channels or posts of a page of a list.
const MaxPage = 100

// pages yields the entries of all pages. read returns the page at a place, and the place of the next one.
func pages[T any](read func(place string) ([]T, string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for place := ""; ; {
			page, next, err := read(place)
			if err != nil {
				yield(*new(T), err)
				return
			}
			for _, entry := range page {
				if !yield(entry, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			place = next
		}
	}
}

// listing returns the query of a page. key is the parameter with the page's place.
func listing(key, place string, limit int) string {
	q := url.Values{}
	if place != "" {
		q.Set(key, place)
	}
	if limit != 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return q.Encode()
}
