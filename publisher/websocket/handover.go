package websocket

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/motacilla-live/motacilla/publisher"
)

// Names of the forms.
const (
	formPlain  = "plain"
	formPacked = "deflate"
)

var _ publisher.HandsOver = (*Publisher)(nil)

// HandOver implements publisher.HandsOver. Connections that have a goroutine stay.
func (p *Publisher) HandOver(ctx context.Context, site http.Handler, give func(publisher.Handed) error) error {
	return p.streams.HandOver(ctx, p.forms, site, give)
}

// TakeOver implements publisher.HandsOver.
func (p *Publisher) TakeOver(ctx context.Context, h publisher.Handed, site http.Handler) error {
	return p.streams.TakeOver(ctx, h, p.forms, site)
}

func (p *Publisher) forms(name string) (*publisher.Wire, *publisher.ManyWire) {
	switch name {
	case formPlain:
		return p.plain, p.many
	case formPacked:
		return p.packed, p.packedMany
	}
	return nil, nil
}

// resume carries on a connection with several channels.
func (p *Publisher) resume(r *http.Request) {
	if permit, err := p.permit(r); err == nil {
		p.streams.Resume(r, permit)
	}
}

// saved is incoming, for another process.
type saved struct {
	Header  []byte `json:"header,omitempty"`
	Opcode  uint8  `json:"opcode,omitempty"`
	Open    uint8  `json:"open,omitempty"`
	Final   bool   `json:"final,omitempty"`
	Deflate bool   `json:"deflate,omitempty"`
	Phase   uint8  `json:"phase,omitempty"`
	Mask    []byte `json:"mask,omitempty"`
	Left    int    `json:"left,omitempty"`
	Size    int    `json:"size,omitempty"`
	Rune    []byte `json:"rune,omitempty"`
	Control []byte `json:"control,omitempty"`
	IsPack  bool   `json:"is_packed,omitempty"` // the message is compressed
	Packed  []byte `json:"packed,omitempty"`
	Asks    bool   `json:"asks,omitempty"` // messages are kept
	Part    []byte `json:"part,omitempty"`
}

// save implements publisher.Wire.Save.
func save(state any) []byte {
	f := state.(*incoming)
	s := saved{
		Header: f.header[:f.have], Opcode: f.opcode, Open: f.open, Final: f.final, Deflate: f.deflate, Phase: f.phase, Mask: f.mask[:],
		Left: f.left, Size: f.size, Rune: f.rune, Control: f.control, IsPack: f.packed != nil, Asks: f.collector != nil,
	}
	if s.IsPack {
		s.Packed = *f.packed
	}
	if s.Asks {
		s.Part = f.collector.part
	}
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // numbers and bytes can be marshalled
	}
	return b
}

var errState = errors.New("the state of a WebSocket connection can't be read")

// restore implements publisher.Wire.Restore.
func restore(b []byte) (any, error) {
	var s saved
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, errState
	}
	f := &incoming{}
	if len(s.Header) > len(f.header) || len(s.Mask) != len(f.mask) || min(s.Left, s.Size) < 0 || max(s.Left, s.Size) > mostRequest {
		return nil, errState
	}
	*f = incoming{
		have: uint8(len(s.Header)), opcode: s.Opcode, open: s.Open, final: s.Final, deflate: s.Deflate, phase: s.Phase,
		left: s.Left, size: s.Size, rune: s.Rune, control: s.Control,
	}
	copy(f.header[:], s.Header)
	copy(f.mask[:], s.Mask)
	if s.IsPack {
		f.packed = &s.Packed
	}
	if s.Asks {
		f.collector = &collector{part: s.Part}
	}
	return f, nil
}
