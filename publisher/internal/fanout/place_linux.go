package fanout

import (
	"iter"
	"slices"
)

// Place is a reader's cursor on one topic. Like a reader's, its methods may be called only in the reader's shard.
type Place struct {
	reader  *Reader
	part    *part
	cursor  int64
	index   int32 // in part.places; -1 if the reader has left the topic
	guarded bool  // see Table.After
}

// Reader returns whose place it is.
func (p *Place) Reader() *Reader { return p.reader }

// Cursor returns the reader's cursor on the topic.
func (p *Place) Cursor() int64 { return p.cursor }

// Follow gives r a place on one more topic, and writes what follows cursor there. All topics of a reader must have the same
// Protocol, or protocols that treat its Data alike: that of the topic which it joined first is asked.
func (t *Topic) Follow(r *Reader, cursor int64, guarded bool) *Place {
	s := r.shard()
	p := &Place{reader: r, part: t.parts[s.number], cursor: cursor, index: -1, guarded: guarded}
	if r.Ending() {
		return p
	}
	p.part.add(p)
	r.others = append(r.others, p)
	p.advance(nil)
	return p
}

// Leave takes the reader from the topic. The connection stays, even if it was the last topic.
func (p *Place) Leave() {
	if p.index < 0 {
		return
	}
	p.part.remove(p)
	r := p.reader
	r.others = slices.DeleteFunc(r.others, func(o *Place) bool { return o == p })
}

// places goes over the topics that r follows.
func (r *Reader) places() iter.Seq[*Place] {
	return func(yield func(*Place) bool) {
		if r.first.index >= 0 && !yield(&r.first) {
			return
		}
		for _, p := range slices.Clone(r.others) {
			if p.index >= 0 && !yield(p) {
				return
			}
		}
	}
}

// catchUp writes what the reader lacks of each topic, until its socket is full. Of the topics that it followed after the first
// one, those come first that had no turn the last time. So a topic that moves all the time leaves room for the others.
func (r *Reader) catchUp() {
	if r.first.index >= 0 {
		r.first.advance(nil)
	}
	others, turn := slices.Clone(r.others), int(r.turn)
	for i := range others {
		if r.backlog != nil || r.flags&closed != 0 {
			return
		}
		if p := others[(turn+i)%len(others)]; p.index >= 0 {
			p.advance(nil)
		}
	}
}

// filled notes that p's frame filled the socket, of which took bytes went in. Then the topic after p's has the next turn; p's has it if the
// socket was full before.
func (p *Place) filled(took int) {
	at := slices.Index(p.reader.others, p)
	if at < 0 {
		return // the first topic always has a turn
	}
	if took > 0 {
		at++
	}
	p.reader.turn = uint16(at)
}

// behind reports whether the topic may have moved since its caller looked. It has nearly always not.
func (p *Place) behind() bool {
	_, verdict := (*p.part.topic.table.Load()).After(p.cursor, p.guarded)
	return verdict != Nothing
}

func (p *part) add(place *Place) {
	place.index = int32(len(p.places))
	p.places = append(p.places, place)
}

// remove takes place's last sibling to its index.
func (p *part) remove(place *Place) {
	last := len(p.places) - 1
	p.places[place.index] = p.places[last]
	p.places[place.index].index = place.index
	p.places[last] = nil
	p.places = shrink(p.places[:last])
	place.index = -1
}
