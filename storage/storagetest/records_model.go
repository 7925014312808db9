package storagetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"pgregory.net/rapid"
)

// recordModel is what one namespace should be, in the simplest way.
type recordModel struct {
	name    string
	born    int64
	version int64
	records map[string]storage.Record // those that have expired too
	old     []int64                   // versions that were issued
}

func (m *recordModel) issue(now time.Time) int64 {
	m.version = int64(motacilla.NextRevision(motacilla.Revision(m.version), now))
	m.old = append(m.old, m.version)
	if m.born == 0 {
		m.born = m.version
	}
	return m.version
}

// get returns the record if it has not expired.
func (m *recordModel) get(key string, now time.Time) (storage.Record, bool) {
	r, there := m.records[key]
	if !there || !r.Expires.IsZero() && !r.Expires.After(now) {
		return storage.Record{}, false
	}
	return r, true
}

// recordTrial is a store and the models of some namespaces.
type recordTrial struct {
	*suite
	rt     *rapid.T
	models []*recordModel
}

// Random operations do to a store's records what they do to the model.
func testRecordModel(s *suite) {
	const each = 3000 // operations of a Check: rapid's 100 of 30 steps
	operations := s.Operations / 5
	rounds := min(10, operations/each+1)
	done, run := 0, 0
	for done < operations {
		rapid.Check(s, func(rt *rapid.T) {
			run++
			tr := &recordTrial{suite: s, rt: rt}
			for i := range 2 {
				name := fmt.Sprintf("run-%06d-%d", run, i)
				tr.models = append(tr.models, &recordModel{name: name, records: make(map[string]storage.Record)})
			}
			actions := make(map[string]func(*rapid.T))
			for name, do := range map[string]func(m *recordModel){
				"put": tr.put, "put 2": tr.put, "put 3": tr.put, "delete": tr.remove, "get": tr.compareGet, "list": tr.compareList,
				"move clock": tr.moveClock,
			} {
				actions[name] = func(rt *rapid.T) {
					done++
					tr.rt = rt
					do(tr.models[max(0, rapid.IntRange(-2, len(tr.models)-1).Draw(rt, "namespace"))])
				}
			}
			for range rounds {
				rt.Repeat(actions)
			}
			tr.compareAll(fmt.Sprintf("run-%06d", run))
		})
	}
	s.Logf("%d operations", done)
}

// moveClock moves the clock, but not back to when a record had not expired: the store may or may not have removed it.
func (tr *recordTrial) moveClock(*recordModel) {
	by := rapid.SampledFrom([]time.Duration{
		1, time.Microsecond, time.Millisecond, time.Second, time.Hour, -time.Microsecond, -time.Second, -time.Hour,
	}).Draw(tr.rt, "by")
	now := tr.hand.Now()
	for _, m := range tr.models {
		for _, r := range m.records {
			if !r.Expires.IsZero() && !r.Expires.After(now) && r.Expires.After(now.Add(by)) {
				return
			}
		}
	}
	tr.hand.Move(by)
}

func (tr *recordTrial) key() string {
	return rapid.SampledFrom([]string{"a", "a/", "a/1", "a/2", "a0", "b", "é", "%"}).Draw(tr.rt, "key")
}

// pick draws a version: that of the record, none, or an old one.
func (tr *recordTrial) pick(m *recordModel, key string) int64 {
	there, _ := m.get(key, tr.hand.Now())
	n := rapid.IntRange(-1, 15).Draw(tr.rt, "version")
	switch {
	case n < 0:
		return 0
	case n < 3 && n < len(m.old):
		return m.old[len(m.old)-1-n]
	}
	return there.Version
}

func (tr *recordTrial) put(m *recordModel) {
	now := tr.hand.Now()
	r := storage.Record{Namespace: m.name, Key: tr.key()}
	r.Version = tr.pick(m, r.Key)
	r.Value = rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(tr.rt, "value")
	expected := r
	switch d := rapid.SampledFrom([]time.Duration{
		time.Microsecond, 1500, time.Millisecond, time.Second, 2 * time.Hour, -time.Second,
	}).Draw(tr.rt, "lives"); rapid.IntRange(0, 2).Draw(tr.rt, "expires") {
	case 1:
		r.Expires = now.Add(d)
		expected.Expires = r.Expires.Truncate(time.Microsecond)
	case 2:
		r.Expires, r.TTL = now, max(d, 1)
		expected.Expires = now.Truncate(time.Microsecond).Add((max(d, 1) + 999).Truncate(time.Microsecond))
	}
	got, err := tr.Records().Put(tr.ctx, r)
	if there, _ := m.get(r.Key, now); there.Version != r.Version {
		want(tr.rt, fmt.Sprintf("put %s in place of version %d", describe(r), there.Version), err, motacilla.ErrConflict)
		return
	}
	must[storage.Record](tr.rt)(got, err)
	expected.Version = m.issue(now)
	sameRecord(tr.rt, "record", got, expected)
	m.records[r.Key] = expected
}

func (tr *recordTrial) remove(m *recordModel) {
	now, key := tr.hand.Now(), tr.key()
	version := tr.pick(m, key)
	err := tr.Records().Delete(tr.ctx, m.name, key, version)
	switch r, there := m.get(key, now); {
	case !there:
		want(tr.rt, "delete a record that is not there", err, motacilla.ErrNotFound)
	case r.Version != version:
		want(tr.rt, "delete another version", err, motacilla.ErrConflict)
	case err != nil:
		tr.rt.Fatalf("delete: %v", err)
	default:
		m.issue(now)
		delete(m.records, key)
	}
}

func (tr *recordTrial) compareGet(m *recordModel) {
	key := tr.key()
	got, err := tr.Records().Get(tr.ctx, m.name, key)
	expected, there := m.get(key, tr.hand.Now())
	if !there {
		want(tr.rt, "get a record that is not there", err, motacilla.ErrNotFound)
		return
	}
	sameRecord(tr.rt, "record", must[storage.Record](tr.rt)(got, err), expected)
}

func (tr *recordTrial) compareList(m *recordModel) {
	prefix := rapid.SampledFrom([]string{"", "a", "a/", "b", "\xc3", "%"}).Draw(tr.rt, "prefix")
	after := rapid.SampledFrom([]string{"", "a", "a/1", "a0", "é"}).Draw(tr.rt, "after")
	limit := rapid.SampledFrom([]int{0, 1, 2, 5}).Draw(tr.rt, "limit")
	tr.sameList(m, prefix, after, limit)
}

func (tr *recordTrial) sameList(m *recordModel, prefix, after string, limit int) {
	tr.rt.Helper()
	var expected []storage.Record
	for _, key := range slices.Sorted(maps.Keys(m.records)) {
		r, there := m.get(key, tr.hand.Now())
		if there && strings.HasPrefix(key, prefix) && key > after && (limit == 0 || len(expected) < limit) {
			expected = append(expected, r)
		}
	}
	got := must[[]storage.Record](tr.rt)(tr.Records().List(tr.ctx, m.name, prefix, after, limit))
	sameRecords(tr.rt, fmt.Sprintf("list of prefix %q after %q", prefix, after), got, expected)
}

// compareAll compares everything there is, at the end of a run.
func (tr *recordTrial) compareAll(run string) {
	var expected []storage.Namespace
	for _, m := range tr.models {
		tr.sameList(m, "", "", 0)
		if m.version != 0 {
			expected = append(expected, storage.Namespace{Name: m.name, Born: m.born, Version: m.version})
		}
	}
	got := must[[]storage.Namespace](tr.rt)(tr.Records().Namespaces(tr.ctx, run, len(expected)+1))
	got = slices.DeleteFunc(got, func(n storage.Namespace) bool { return !strings.HasPrefix(n.Name, run) })
	equalList(tr.rt, "namespaces", got, expected)
}
