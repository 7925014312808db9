package websocket

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/compress"
	"github.com/motacilla-live/motacilla/publisher"
)

// deflated is the format of an update that is compressed, if that makes it shorter. It refers to no other message, so that all
// readers share it (RFC 7692, with server_no_context_takeover).
var deflated = &publisher.Format{Name: name + " deflate", Append: func(dst []byte, u *motacilla.Update) []byte {
	return appendPacked(dst, u.AppendJSON(nil))
}}

// appendPacked appends a frame with a text message.
func appendPacked(dst, text []byte) []byte {
	start := len(dst)
	packed, ok := compress.Deflate(nil, text)
	packed = packed[:max(len(packed)-len(compress.Flush), 0)] // the reader adds it (section 7.2.1)
	if !ok || len(packed) >= len(text) {
		return appendFrame(dst, gorilla.TextMessage, text)
	}
	dst = appendFrame(dst, gorilla.TextMessage, packed)
	dst[start] |= rsv1
	return dst
}

// offersDeflate reports whether a request offers permessage-deflate in a way that the answer can accept. The answer is
// gorilla's: permessage-deflate; server_no_context_takeover; client_no_context_takeover.
func offersDeflate(h http.Header) bool {
	for _, line := range h["Sec-Websocket-Extensions"] {
		for offer := range strings.SplitSeq(line, ",") { // a value with a comma would be none that is accepted
			if acceptable(offer) {
				return true
			}
		}
	}
	return false
}

// acceptable reports whether an offer has only parameters that the answer need not mention (RFC 7692, section 7.1). One with
// server_max_window_bits is not: the answer would have to have it too.
func acceptable(offer string) bool {
	const space = " \t"
	parts := strings.Split(offer, ";")
	if !strings.EqualFold(strings.Trim(parts[0], space), "permessage-deflate") {
		return false
	}
	var seen []string
	for _, parameter := range parts[1:] {
		key, value, given := strings.Cut(strings.Trim(parameter, space), "=")
		key, value = strings.ToLower(strings.Trim(key, space)), strings.Trim(value, space+`"`)
		if slices.Contains(seen, key) {
			return false
		}
		seen = append(seen, key)
		switch key {
		case "server_no_context_takeover", "client_no_context_takeover":
			if given {
				return false
			}
		case "client_max_window_bits":
			if n, err := strconv.Atoi(value); given && (err != nil || n < 8 || n > 15) {
				return false
			}
		default:
			return false
		}
	}
	return true
}
