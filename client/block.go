package client

import "github.com/motacilla-live/motacilla"

// Block is one part of a post's content, as it is sent and received. In what is sent, the text may be any HTML: the server
// sanitises it.
type Block = motacilla.Block
