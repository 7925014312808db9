package move

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// notes is the namespace of the target in which Copy keeps, for each namespace that it has brought, what it was like then.
// So the next Copy can tell a copy from records that were written at the target.
const notes = "storage.copy"

// note is what Copy knows of a namespace that it has brought.
type note struct {
	born   int64 // of the source's namespace
	source int64 // its version when it was read
	target int64 // the version of the target's namespace afterwards; underWay until then
}

const underWay = -1

func (n note) String() string { return fmt.Sprintf("%d %d %d", n.born, n.source, n.target) }

func parseNote(text []byte) (n note, err error) {
	fields := strings.Fields(string(text))
	if len(fields) != 3 {
		return n, fmt.Errorf("%d numbers, want 3", len(fields))
	}
	for i, into := range []*int64{&n.born, &n.source, &n.target} {
		if *into, err = strconv.ParseInt(fields[i], 10, 64); err != nil {
			return n, err
		}
	}
	return n, nil
}

// recordCopy brings storage.Records.
type recordCopy struct {
	from, to storage.Records
	batch    int
	plan     []namespaceStep
	changed  int64 // records that were put or deleted at the target
}

// namespaceStep is a namespace that is to be brought.
type namespaceStep struct {
	storage.Namespace                // of the source
	noted             storage.Record // the note of it, with Version 0 if there is none
}

// prepare compares the namespaces of both stores, and writes nothing. The error tells of every namespace that can't be
// brought: the target has records in it that did not come from this source.
func (c *recordCopy) prepare(ctx context.Context, replace bool) error {
	here, err := namespaces(ctx, c.from)
	if err != nil {
		return fmt.Errorf("list the namespaces of the source: %w", err)
	}
	there, err := namespaces(ctx, c.to)
	if err != nil {
		return fmt.Errorf("list the namespaces of the target: %w", err)
	}
	var conflicts []error
	for _, n := range here {
		if n.Name == notes {
			continue
		}
		at, _ := slices.BinarySearchFunc(there, n.Name, func(t storage.Namespace, name string) int {
			return strings.Compare(t.Name, name)
		})
		var target storage.Namespace
		if at < len(there) && there[at].Name == n.Name {
			target = there[at]
		}
		s, ours, err := c.noted(ctx, n, target)
		if err != nil {
			return fmt.Errorf("namespace %q: %w", n.Name, err)
		}
		if !ours && !replace {
			list, err := c.to.List(ctx, n.Name, "", "", 1)
			if err != nil {
				return err
			}
			if len(list) > 0 {
				conflicts = append(conflicts, fmt.Errorf("namespace %q: the target has records that did not come from the source: %w",
					n.Name, motacilla.ErrConflict))
			}
		}
		if s.Name != "" {
			c.plan = append(c.plan, s)
		}
	}
	return errors.Join(conflicts...)
}

// noted looks what an earlier Copy has noted of the namespace. ours says that nobody else has written to it since. The
// step is zero if nothing was written to either of them.
func (c *recordCopy) noted(ctx context.Context, source, target storage.Namespace) (s namespaceStep, ours bool, err error) {
	s = namespaceStep{Namespace: source, noted: storage.Record{Namespace: notes, Key: source.Name}}
	r, err := c.to.Get(ctx, notes, source.Name)
	if errors.Is(err, motacilla.ErrNotFound) {
		return s, false, nil
	}
	if err != nil {
		return s, false, err
	}
	s.noted = r
	n, err := parseNote(r.Value)
	if err != nil {
		return s, false, fmt.Errorf("malformed note of an earlier copy: %w", err)
	}
	ours = n.born == source.Born && (n.target == target.Version || n.target == underWay)
	if ours && n.source == source.Version && n.target != underWay {
		return namespaceStep{}, true, nil
	}
	return s, ours, nil
}

// bring makes the records of each namespace of the plan those of the source.
func (c *recordCopy) bring(ctx context.Context) error {
	for i := range c.plan {
		s := &c.plan[i]
		if err := c.write(ctx, s, note{born: s.Born, target: underWay}); err != nil {
			return err
		}
		if err := c.mirror(ctx, s.Name); err != nil {
			return fmt.Errorf("copy the records of %q: %w", s.Name, err)
		}
	}
	if len(c.plan) == 0 {
		return nil
	}
	there, err := namespaces(ctx, c.to)
	if err != nil {
		return err
	}
	for i := range c.plan {
		s := &c.plan[i]
		n := note{born: s.Born, source: s.Version}
		for _, t := range there {
			if t.Name == s.Name {
				n.target = t.Version
			}
		}
		if err := c.write(ctx, s, n); err != nil {
			return err
		}
	}
	return nil
}

func (c *recordCopy) write(ctx context.Context, s *namespaceStep, n note) (err error) {
	s.noted.Value = []byte(n.String())
	if s.noted, err = c.to.Put(ctx, s.noted); err != nil {
		return fmt.Errorf("note what was copied: %w", err)
	}
	return nil
}

// mirror walks through the records of both in the order of their keys.
func (c *recordCopy) mirror(ctx context.Context, namespace string) error {
	here, there := &walk{c.from, namespace, c.batch, nil, "", false}, &walk{c.to, namespace, c.batch, nil, "", false}
	for {
		source, more, err := here.peek(ctx)
		if err != nil {
			return err
		}
		target, also, err := there.peek(ctx)
		switch {
		case err != nil:
			return err
		case !more && !also:
			return nil
		case more && (!also || source.Key < target.Key):
			here.next()
			err = c.put(ctx, source, 0)
		case !more || target.Key < source.Key:
			there.next()
			err = c.delete(ctx, target)
		default:
			here.next()
			there.next()
			if !bytes.Equal(source.Value, target.Value) || !source.Expires.Equal(target.Expires) {
				err = c.put(ctx, source, target.Version)
			}
		}
		if err != nil {
			return err
		}
	}
}

// put stores a record of the source in place of a version of the target.
func (c *recordCopy) put(ctx context.Context, r storage.Record, replaces int64) error {
	r.Version = replaces
	_, err := c.to.Put(ctx, r)
	if replaces != 0 && errors.Is(err, motacilla.ErrConflict) { // it may have expired since it was read
		r.Version = 0
		_, err = c.to.Put(ctx, r)
	}
	if errors.Is(err, motacilla.ErrConflict) {
		return fmt.Errorf("someone writes to it at the target: %w", err)
	}
	c.changed++
	return err
}

func (c *recordCopy) delete(ctx context.Context, r storage.Record) error {
	err := c.to.Delete(ctx, r.Namespace, r.Key, r.Version)
	switch {
	case errors.Is(err, motacilla.ErrNotFound): // it has expired since it was read
		return nil
	case errors.Is(err, motacilla.ErrConflict):
		return fmt.Errorf("someone writes to it at the target: %w", err)
	}
	c.changed++
	return err
}

// walk reads the records of a namespace in the order of their keys.
type walk struct {
	records   storage.Records
	namespace string
	batch     int
	list      []storage.Record
	last      string
	ended     bool
}

// peek returns the next record, or false at the end.
func (w *walk) peek(ctx context.Context) (r storage.Record, more bool, err error) {
	if len(w.list) == 0 && !w.ended {
		if w.list, err = w.records.List(ctx, w.namespace, "", w.last, w.batch); err != nil {
			return r, false, err
		}
		w.ended = len(w.list) < w.batch
	}
	if len(w.list) == 0 {
		return r, false, nil
	}
	return w.list[0], true, nil
}

func (w *walk) next() { w.last, w.list = w.list[0].Key, w.list[1:] }

// namespaces returns all namespaces of a store.
func namespaces(ctx context.Context, records storage.Records) ([]storage.Namespace, error) {
	var all []storage.Namespace
	for after := ""; ; after = all[len(all)-1].Name {
		list, err := records.Namespaces(ctx, after, listed)
		all = append(all, list...)
		if err != nil || len(list) < listed {
			return all, err
		}
	}
}
