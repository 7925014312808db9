package move

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// checkShared checks storage.Records. A namespace that is written to meanwhile is read again.
func checkShared(ctx context.Context, records storage.Records, o CheckOptions, report *Report) error {
	before, err := namespaces(ctx, records)
	if err != nil {
		return fmt.Errorf("list the namespaces of records: %w", err)
	}
	for i := 1; i < len(before); i++ {
		if before[i].Name <= before[i-1].Name {
			report.Violations = append(report.Violations, Violation{Namespace: before[i].Name, Problem: fmt.Sprintf(
				"is listed after %q, which is not the order of their names", before[i-1].Name)})
			return nil // some may be missing
		}
	}
	for range o.Tries {
		checks := make([]*sharedCheck, len(before))
		for i, n := range before {
			checks[i] = &sharedCheck{records: records, batch: o.Batch, space: n}
			if err := checks[i].run(ctx); err != nil {
				return fmt.Errorf("check the records of %q: %w", n.Name, err)
			}
		}
		after, err := namespaces(ctx, records)
		if err != nil {
			return fmt.Errorf("list the namespaces of records: %w", err)
		}
		now := make(map[string]storage.Namespace, len(after))
		for _, n := range after {
			now[n.Name] = n
		}
		before = before[:0]
		for _, c := range checks {
			n, there := now[c.space.Name]
			switch {
			case !there:
				c.found("", 0, "was listed, and is not listed any more")
			case n.Born != c.space.Born || n.Version < c.space.Version:
				c.found("", n.Version, "is its newest version, born at %d; before, it was %d, born at %d",
					n.Born, c.space.Version, c.space.Born)
			case n.Version > c.space.Version:
				before = append(before, n)
				continue
			}
			report.Shared += c.count
			report.Violations = append(report.Violations, c.violations...)
		}
		if len(before) == 0 {
			return nil
		}
	}
	for _, n := range before {
		report.MovingNamespaces = append(report.MovingNamespaces, n.Name)
	}
	return nil
}

// sharedCheck is one namespace, as it was at one version.
type sharedCheck struct {
	records    storage.Records
	batch      int
	space      storage.Namespace
	count      int
	violations []Violation
}

func (c *sharedCheck) found(key string, version int64, format string, args ...any) {
	c.violations = append(c.violations, Violation{
		Namespace: c.space.Name, Key: key, Version: version, Problem: fmt.Sprintf(format, args...),
	})
}

func (c *sharedCheck) run(ctx context.Context) error {
	if !storage.PossibleRecord(c.space.Name, "key") {
		c.found("", 0, "can't be the name of a namespace")
		return nil // no method finds its records
	}
	if c.space.Born <= 0 || c.space.Born > c.space.Version {
		c.found("", c.space.Born, "is its first version, which must be positive and not after its newest, %d", c.space.Version)
	}
	versions := make(map[int64]string)
	for last := ""; ; {
		list, err := c.records.List(ctx, c.space.Name, "", last, c.batch)
		if err != nil {
			return err
		}
		for _, r := range list {
			if r.Key <= last {
				c.found(r.Key, r.Version, "is listed after %q, which is not the order of their keys", last)
				return nil // the list would not end
			}
			last = r.Key
			if err := c.check(ctx, r, versions); err != nil {
				return err
			}
		}
		if len(list) < c.batch {
			return nil
		}
	}
}

// check checks a record that was listed.
func (c *sharedCheck) check(ctx context.Context, r storage.Record, versions map[int64]string) error {
	c.count++
	if r.Version < c.space.Born || r.Version > c.space.Version {
		c.found(r.Key, r.Version, "must be from the first version of its namespace, %d, to the newest, %d",
			c.space.Born, c.space.Version)
	}
	if other, twice := versions[r.Version]; twice {
		c.found(r.Key, r.Version, "is the version of %q too", other)
	}
	versions[r.Version] = r.Key
	if err := r.Validate(); err != nil {
		c.found(r.Key, r.Version, "%v", err)
	}
	if n := r.Normalize(); r.Namespace != c.space.Name || r.TTL != 0 || n.Expires != r.Expires {
		c.found(r.Key, r.Version, "must be of its namespace, with a UTC expiry to the microsecond and no TTL; it is of %q, %v, %v",
			r.Namespace, r.Expires, r.TTL)
	}
	got, err := c.records.Get(ctx, c.space.Name, r.Key)
	switch {
	case errors.Is(err, motacilla.ErrNotFound):
		if r.Expires.IsZero() {
			c.found(r.Key, r.Version, "is listed, and is not found by its key")
		}
	case err != nil:
		return err
	case got.Key != r.Key || got.Version != r.Version || !got.Expires.Equal(r.Expires) || !bytes.Equal(got.Value, r.Value):
		c.found(r.Key, r.Version, "is another one by its key than in the list")
	}
	return nil
}
