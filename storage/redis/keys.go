package redis

import "github.com/motacilla-live/motacilla"

// keys names the store's keys: it is what all of them begin with. Redis Cluster puts keys with the same text in braces on one
// node.
type keys string

// channel returns the keys of a channel, all in its hash slot, in the order in which lib.lua takes them.
func (k keys) channel(ch motacilla.ChannelID) []string {
	stem := k.channels() + string(ch) + "}:"
	return []string{
		stem + "channel", stem + "posts", stem + "order", stem + "pinned", stem + "state", stem + "messages",
		stem + "tombstones", stem + "log",
	}
}

// channels is what the keys of channels begin with.
func (k keys) channels() string { return string(k) + "{" }

// row is the first of a channel's keys.
func (k keys) row(ch motacilla.ChannelID) string { return k.channels() + string(ch) + "}:channel" }

// posts is the second of a channel's keys.
func (k keys) posts(ch motacilla.ChannelID) string { return k.channels() + string(ch) + "}:posts" }

// index is the key of the list of all channels, deleted ones too.
func (k keys) index() string { return string(k) + "channels" }

// namespace returns the keys of a namespace of records, all in its hash slot, in the order in which records.lua takes them.
func (k keys) namespace(name string) []string {
	stem := k.namespaces() + name + "}:"
	return []string{stem + "namespace", stem + "values", stem + "keys", stem + "expiries"}
}

// namespaces is what the keys of namespaces begin with.
func (k keys) namespaces() string { return string(k) + "records:{" }
