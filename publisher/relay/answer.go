package relay

import (
	"context"
	"errors"
	"time"

	"github.com/motacilla-live/motacilla"
	"go.uber.org/zap"
)

// Unwanted returns err as the error of a hub that wants no messages any more. If the relay keeps letters, it is at rest from then
// on, also after a restart, until somebody lets it go on by [Letters]; then the hub gets what has happened since. Without letters it
// is an error like any other.
func Unwanted(err error) error { return &unwantedError{err} }

type unwantedError struct{ err error }

func (e *unwantedError) Error() string { return e.err.Error() }
func (e *unwantedError) Unwrap() error { return e.err }

// unwanted reports whether the relay is to rest.
func (l *leader) unwanted(err error) bool {
	var u *unwantedError
	return l.traits.Letters && errors.As(err, &u)
}

// rest stops pushes. It returns false if that can't be stored.
func (l *leader) rest(m *Message, cause error) bool {
	if !l.write("", m.From, m.Revision, false, cause) {
		return false
	}
	l.gate.shut()
	if !l.resting.Swap(true) {
		l.log.Error("the hub wants no updates any more: the relay rests until somebody lets it go on with motacilla letters send",
			zap.Error(cause))
	}
	return true
}

// write writes a letter, or adds to the one that is there. answered says that it was to be sent, and has failed.
func (l *leader) write(ch motacilla.ChannelID, from, revision motacilla.Revision, answered bool, cause error) bool {
	ctx, cancel := context.WithTimeout(l.pushes, l.o.Timeout)
	defer cancel()
	now := l.kit.Feed.Options().Clock.Now().UTC()
	_, err := l.letters.edit(ctx, l.o.Name, ch, func(it *Letter) bool {
		it.add(from, revision, now, cause)
		if answered {
			it.Asked = ""
		}
		return true
	})
	if err != nil && l.pushes.Err() == nil {
		l.log.Warn("a letter can't be written", zap.String("channel", string(ch)), zap.Error(err))
	}
	return err == nil
}

// sent removes a channel's letter, which the hub has taken now. If that fails, it is sent again.
func (l *leader) sent(ch motacilla.ChannelID) {
	ctx, cancel := context.WithTimeout(l.pushes, l.o.Timeout)
	defer cancel()
	letter, err := l.letters.Get(ctx, l.o.Name, ch)
	if err == nil && letter.Asked != "" {
		err = l.letters.Drop(ctx, letter)
	}
	if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
		l.lanes.rewindAgain(ch)
	}
}

// answer looks at the letters again and again, and sends those that somebody has asked for.
func (l *leader) answer(ctx context.Context) {
	for ctx.Err() == nil {
		pause := lookEvery
		if err := l.lookAtLetters(ctx); err != nil && ctx.Err() == nil {
			l.log.Warn("the relay's letters can't be read; it is tried again", zap.Error(err))
			pause = lookEvery / 4
		}
		sleep(ctx, pause)
	}
}

func (l *leader) lookAtLetters(ctx context.Context) error {
	began := time.Now()
	letters, err := l.letters.List(ctx, l.o.Name)
	if err != nil {
		return err
	}
	rests := false
	for i := range letters {
		switch it := &letters[i]; {
		case it.Channel == "" && it.Asked == "":
			rests = true
		case it.Channel == "":
			if err := l.letters.Drop(ctx, *it); err != nil {
				return err
			}
		case it.Asked != "" && !l.matches(it.Channel):
			l.write(it.Channel, it.From, it.Revision, true, errors.New("the relay is no longer for this channel"))
		case it.Asked != "" && l.lanes.rewind(it.Channel, it.From, it.version):
			l.gate.hurry()
		}
	}
	l.waiting.Store(int64(len(letters)))
	l.resting.Store(rests)
	if rests {
		l.gate.shut()
	} else {
		l.gate.open(began)
	}
	return nil
}
