package storagetest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// recordTests are the subtests of storage.Records.
var recordTests = []struct {
	name string
	test func(*suite)
}{
	{"Records", testRecords},
	{"RecordVersions", testRecordVersions},
	{"RecordConflicts", testRecordConflicts},
	{"RecordExpiry", testRecordExpiry},
	{"RecordTTL", testRecordTTL},
	{"RecordList", testRecordList},
	{"RecordListExpired", testRecordListExpired},
	{"RecordNamespaces", testRecordNamespaces},
	{"RecordValidation", testRecordValidation},
	{"RecordOwnership", testRecordOwnership},
	{"RecordRaces", func(s *suite) { s.raceRecords(s.Records()) }},
	{"RecordCounter", func(s *suite) { s.countRecords(s.Records()) }},
	{"RecordLeases", func(s *suite) { s.leaseRecords(s.Records()) }},
	{"RecordModel", testRecordModel},
}

// put stores a record of the namespace "ns".
func (s *suite) put(key, value string, replaces int64) storage.Record {
	s.Helper()
	return s.putRecord(storage.Record{Namespace: "ns", Key: key, Value: []byte(value), Version: replaces})
}

func (s *suite) putRecord(r storage.Record) storage.Record {
	s.Helper()
	return must[storage.Record](s)(s.Records().Put(s.ctx, r))
}

// nextVersion is what a write to a namespace at this version should be given.
func (s *suite) nextVersion(last int64) int64 {
	return int64(motacilla.NextRevision(motacilla.Revision(last), s.hand.Now()))
}

// sameRecord compares every field.
func sameRecord(t tb, what string, got, expected storage.Record) {
	t.Helper()
	same := got.Namespace == expected.Namespace && got.Key == expected.Key && bytes.Equal(got.Value, expected.Value) &&
		got.Version == expected.Version && got.Expires.Equal(expected.Expires) && got.TTL == 0
	if !same || !got.Expires.IsZero() && got.Expires.Location() != time.UTC {
		t.Fatalf("%s is %s, want %s", what, describe(got), describe(expected))
	}
}

// describe is a record in a line. Long values are cut.
func describe(r storage.Record) string {
	return fmt.Sprintf("%s/%q version %d, expires %v, ttl %v, value %.40q", r.Namespace, r.Key, r.Version, r.Expires, r.TTL, r.Value)
}

// sameRecords compares a list with the records that it should have.
func sameRecords(t tb, what string, got, expected []storage.Record) {
	t.Helper()
	if len(got) != len(expected) {
		t.Fatalf("%s has the keys %q, want %q", what, recordKeys(got), recordKeys(expected))
	}
	for i := range got {
		sameRecord(t, fmt.Sprintf("%s: record %d", what, i), got[i], expected[i])
	}
}

func recordKeys(list []storage.Record) []string {
	keys := make([]string, len(list))
	for i, r := range list {
		keys[i] = r.Key
	}
	return keys
}

// What is put can be read, replaced and removed.
func testRecords(s *suite) {
	records := s.Records()
	_, err := records.Get(s.ctx, "ns", "key")
	want(s, "get a record that never was", err, motacilla.ErrNotFound)
	want(s, "delete a record that never was", records.Delete(s.ctx, "ns", "key", 1), motacilla.ErrNotFound)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for i, value := range [][]byte{nil, {}, {0}, []byte("text"), every, bytes.Repeat([]byte("\xff\x00"), storage.MaxRecordValue/2)} {
		key := fmt.Sprintf("value %d", i)
		made := s.putRecord(storage.Record{Namespace: "ns", Key: key, Value: value})
		sameRecord(s, "new record", made, storage.Record{Namespace: "ns", Key: key, Value: value, Version: made.Version})
		sameRecord(s, "record", must[storage.Record](s)(records.Get(s.ctx, "ns", key)), made)
		made.Value = append(bytes.Clone(value[:min(len(value), 9)]), '!')
		changed := s.putRecord(made)
		made.Version = changed.Version
		sameRecord(s, "changed record", changed, made)
		sameRecord(s, "record", must[storage.Record](s)(records.Get(s.ctx, "ns", key)), made)
	}
	other := s.putRecord(storage.Record{Namespace: "other", Key: "value 0", Value: []byte("other")})
	first := must[storage.Record](s)(records.Get(s.ctx, "ns", "value 0"))
	if err := records.Delete(s.ctx, "ns", "value 0", first.Version); err != nil {
		s.Fatalf("delete: %v", err)
	}
	_, err = records.Get(s.ctx, "ns", "value 0")
	want(s, "get a record that was deleted", err, motacilla.ErrNotFound)
	want(s, "delete it again", records.Delete(s.ctx, "ns", "value 0", first.Version), motacilla.ErrNotFound)
	sameRecord(s, "the key in another namespace", must[storage.Record](s)(records.Get(s.ctx, "other", "value 0")), other)
}

// Versions are the store's time, grow with each write of a namespace, and never come twice.
func testRecordVersions(s *suite) {
	records := s.Records()
	last := int64(0)
	next := func(what string, r storage.Record) storage.Record {
		s.Helper()
		last = s.nextVersion(last)
		equal(s, "version of "+what, r.Version, last)
		return r
	}
	remove := func(r storage.Record) {
		s.Helper()
		if err := records.Delete(s.ctx, r.Namespace, r.Key, r.Version); err != nil {
			s.Fatalf("delete: %v", err)
		}
		last = s.nextVersion(last)
	}
	r := next("a new record", s.put("a", "1", 0))
	s.hand.Move(time.Second)
	r = next("a change", s.put("a", "2", r.Version))
	r = next("the same again", s.put("a", "2", r.Version))
	next("another key", s.put("b", "1", 0))
	s.hand.Move(-time.Hour)
	r = next("a change when the clock has gone back", s.put("a", "3", r.Version))
	remove(r)
	r = next("a record that is made again", s.put("a", "1", 0))
	remove(r)
	_, err := records.Put(s.ctx, r)
	want(s, "put with the version of a life that ended", err, motacilla.ErrConflict)
	r = next("a record that is made again", s.put("a", "1", 0))
	r.TTL = time.Minute
	r = next("a record with a TTL", s.putRecord(r))
	s.hand.Move(2 * time.Minute)
	made := next("a record that had expired", s.put("a", "1", 0))
	for _, old := range []int64{r.Version, 0, made.Version - 1, made.Version + 1, math.MaxInt64} {
		_, err = records.Put(s.ctx, storage.Record{Namespace: "ns", Key: "a", Version: old})
		want(s, fmt.Sprintf("put with version %d of a record of version %d", old, made.Version), err, motacilla.ErrConflict)
	}
	other := s.putRecord(storage.Record{Namespace: "other", Key: "a"})
	equal(s, "first version of another namespace", other.Version, s.nextVersion(0))
}

// A write with a version that is not the record's changes nothing.
func testRecordConflicts(s *suite) {
	records := s.Records()
	_, err := records.Put(s.ctx, storage.Record{Namespace: "ns", Key: "key", Version: 1})
	want(s, "replace a record that never was", err, motacilla.ErrConflict)
	_, err = records.Get(s.ctx, "ns", "key")
	want(s, "get a record whose put was refused", err, motacilla.ErrNotFound)
	first := s.put("key", "first", 0)
	_, err = records.Put(s.ctx, storage.Record{Namespace: "ns", Key: "key", Value: []byte("second")})
	want(s, "make a record that is there", err, motacilla.ErrConflict)
	second := s.put("key", "second", first.Version)
	_, err = records.Put(s.ctx, storage.Record{Namespace: "ns", Key: "key", Value: []byte("third"), Version: first.Version})
	want(s, "replace an old version", err, motacilla.ErrConflict)
	want(s, "delete an old version", records.Delete(s.ctx, "ns", "key", first.Version), motacilla.ErrConflict)
	want(s, "delete version 0", records.Delete(s.ctx, "ns", "key", 0), motacilla.ErrConflict)
	want(s, "delete a negative version", records.Delete(s.ctx, "ns", "key", -1), motacilla.ErrConflict)
	sameRecord(s, "record after conflicts", must[storage.Record](s)(records.Get(s.ctx, "ns", "key")), second)
	equal(s, "version after conflicts", s.put("key", "third", second.Version).Version, second.Version+1)
}

// absent fails the test if a record that has expired is seen by any method.
func (s *suite) absent(key string, version int64) {
	s.Helper()
	records := s.Records()
	_, err := records.Get(s.ctx, "ns", key)
	want(s, "get an expired record", err, motacilla.ErrNotFound)
	want(s, "delete an expired record", records.Delete(s.ctx, "ns", key, version), motacilla.ErrNotFound)
	_, err = records.Put(s.ctx, storage.Record{Namespace: "ns", Key: key, Version: version})
	want(s, "replace an expired record", err, motacilla.ErrConflict)
	equalList(s, "keys", recordKeys(must[[]storage.Record](s)(records.List(s.ctx, "ns", key, "", 0))), nil)
}

// A record is there until it expires, to the microsecond, and absent from then on.
func testRecordExpiry(s *suite) {
	records := s.Records()
	now := s.hand.Now().Truncate(time.Microsecond)
	inZone := now.Add(time.Minute).In(time.FixedZone("east", 3600))
	made := s.putRecord(storage.Record{Namespace: "ns", Key: "key", Value: []byte("1"), Expires: inZone.Add(999)})
	sameRecord(s, "record that expires", made,
		storage.Record{Namespace: "ns", Key: "key", Value: []byte("1"), Version: made.Version, Expires: now.Add(time.Minute)})
	s.hand.Move(time.Minute - time.Microsecond)
	sameRecord(s, "a microsecond before", must[storage.Record](s)(records.Get(s.ctx, "ns", "key")), made)
	sameRecords(s, "list", must[[]storage.Record](s)(records.List(s.ctx, "ns", "", "", 0)), []storage.Record{made})
	s.hand.Move(time.Microsecond)
	s.absent("key", made.Version)
	again := s.put("key", "2", 0)
	s.hand.Move(time.Hour)
	sameRecord(s, "made again without expiry", must[storage.Record](s)(records.Get(s.ctx, "ns", "key")), again)

	again.Expires = s.hand.Now().Add(time.Minute)
	again = s.putRecord(again)
	again.Expires = time.Time{}
	again = s.putRecord(again)
	s.hand.Move(time.Hour)
	sameRecord(s, "whose expiry was taken away", must[storage.Record](s)(records.Get(s.ctx, "ns", "key")), again)

	again.Expires = s.hand.Now()
	past := s.putRecord(again)
	s.absent("key", past.Version)
	past = s.putRecord(storage.Record{Namespace: "ns", Key: "past", Expires: time.UnixMicro(1)})
	s.absent("past", past.Version)
	far := s.putRecord(storage.Record{
		Namespace: "ns", Key: "far", Expires: time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)})
	sameRecord(s, "a record for ever", must[storage.Record](s)(records.Get(s.ctx, "ns", "far")), far)
}

// A TTL counts from the write, by the store's clock.
func testRecordTTL(s *suite) {
	records := s.Records()
	now := s.hand.Now().Truncate(time.Microsecond)
	for key, tt := range map[string]struct{ ttl, lives time.Duration }{
		"minute": {time.Minute, time.Minute}, "short": {1, time.Microsecond}, "uneven": {1001, 2 * time.Microsecond},
		"even": {time.Microsecond, time.Microsecond}, "long": {storage.MaxTTL, storage.MaxTTL},
	} {
		made := s.putRecord(storage.Record{Namespace: "ns", Key: key, TTL: tt.ttl})
		equal(s, "expiry", made.Expires, now.Add(tt.lives))
		sameRecord(s, "record", must[storage.Record](s)(records.Get(s.ctx, "ns", key)), made)
	}
	held := must[storage.Record](s)(records.Get(s.ctx, "ns", "minute"))
	for range 5 { // as a lease is renewed: the old expiry is in the record
		s.hand.Move(40 * time.Second)
		held.TTL = time.Minute
		held = s.putRecord(held)
		equal(s, "renewed until", held.Expires, s.hand.Now().Truncate(time.Microsecond).Add(time.Minute))
	}
	s.hand.Move(time.Minute)
	s.absent("minute", held.Version)
	s.absent("even", 1)
	equalList(s, "keys", recordKeys(must[[]storage.Record](s)(records.List(s.ctx, "ns", "", "", 0))), []string{"long"})
}

// Lists are in byte order, and a prefix is no pattern.
func testRecordList(s *suite) {
	records := s.Records()
	keys := []string{
		" ", "%", "%a", "*", "A", "A/", "B", "[a", "[b", "\\", "_", "a", "a\x01", "a ", "a*", "a/", "a/1", "a/10", "a/2", "a0", "aa",
		"a\x7f", "aé", "b", "bb", "~", "\x7f", "é", "ê", "\uffff", "\U0010ffff", strings.Repeat("z", storage.MaxRecordKey),
	}
	slices.Sort(keys)
	all := make(map[string]storage.Record)
	for _, i := range []int{5, 0} { // not in their order
		for j := i; j < len(keys); j++ {
			if key := keys[len(keys)-1-j]; all[key].Version == 0 {
				all[key] = s.put(key, "value of "+key, 0)
			}
		}
	}
	s.putRecord(storage.Record{Namespace: "ns-", Key: "a/3"})
	s.putRecord(storage.Record{Namespace: "n", Key: "a/3"})
	list := func(prefix, after string, limit int) []storage.Record {
		s.Helper()
		return must[[]storage.Record](s)(records.List(s.ctx, "ns", prefix, after, limit))
	}
	expected := func(prefix, after string, limit int) (found []storage.Record) {
		for _, key := range keys {
			if strings.HasPrefix(key, prefix) && key > after && len(found) < limit {
				found = append(found, all[key])
			}
		}
		return found
	}
	for _, prefix := range append(slices.Clone(keys), "", "a/1", "a/9", "zz", "\xc3", "\xff", "\xff\xff", "\xf4\x8f\xbf", "\x00", "a\x00") {
		for _, after := range append(slices.Clone(keys), "", "\x00", "a\x00", "a/1\xff", "\xff") {
			what := fmt.Sprintf("list of prefix %q after %q", prefix, after)
			sameRecords(s, what, list(prefix, after, 1000), expected(prefix, after, 1000))
		}
		for _, limit := range []int{1, 2, 7} {
			var pages []storage.Record
			for after := ""; ; after = pages[len(pages)-1].Key {
				part := list(prefix, after, limit)
				pages = append(pages, part...)
				if len(part) < limit {
					break
				}
			}
			sameRecords(s, fmt.Sprintf("prefix %q in pages of %d", prefix, limit), pages, expected(prefix, "", 1000))
		}
	}
	for i := range motacilla.DefaultLimit {
		s.putRecord(storage.Record{Namespace: "many", Key: fmt.Sprintf("%03d", i)})
	}
	s.putRecord(storage.Record{Namespace: "many", Key: "last"})
	for _, limit := range []int{0, -1} {
		equal(s, "default limit", len(must[[]storage.Record](s)(records.List(s.ctx, "many", "", "", limit))), motacilla.DefaultLimit)
	}
}

// However many have expired, a list has all that have not.
func testRecordListExpired(s *suite) {
	records := s.Records()
	var left []storage.Record
	for i := range 150 {
		r := storage.Record{Namespace: "ns", Key: fmt.Sprintf("%03d", i), TTL: time.Minute}
		if i == 3 || i == 75 || i == 149 {
			r.TTL = 0
		}
		if r = s.putRecord(r); r.Expires.IsZero() {
			left = append(left, r)
		}
	}
	s.hand.Move(time.Hour)
	for limit := 1; limit <= 4; limit++ {
		sameRecords(s, fmt.Sprintf("list of %d", limit), must[[]storage.Record](s)(records.List(s.ctx, "ns", "", "", limit)),
			left[:min(limit, len(left))])
	}
	for i := range 20 { // each removes some of them
		left = append(left, s.put(fmt.Sprintf("later %02d", i), "", 0))
		sameRecords(s, "list", must[[]storage.Record](s)(records.List(s.ctx, "ns", "", "", 200)), left)
	}
}

// A namespace is remembered with its first and its last version.
func testRecordNamespaces(s *suite) {
	records := s.Records()
	equalList(s, "namespaces", must[[]storage.Namespace](s)(records.Namespaces(s.ctx, "", 0)), nil)
	_, err := records.Put(s.ctx, storage.Record{Namespace: "refused", Key: "key", Version: 7})
	want(s, "replace a record that never was", err, motacilla.ErrConflict)
	var all []storage.Namespace
	for _, name := range []string{"-", "0", "_", "a", "a.b", "b"} {
		s.hand.Move(time.Second)
		born := s.nextVersion(0)
		r := s.putRecord(storage.Record{Namespace: name, Key: "key"})
		if err := records.Delete(s.ctx, name, "key", r.Version); err != nil {
			s.Fatalf("delete: %v", err)
		}
		all = append(all, storage.Namespace{Name: name, Born: born, Version: born + 1})
	}
	equalList(s, "namespaces", must[[]storage.Namespace](s)(records.Namespaces(s.ctx, "", 0)), all)
	equalList(s, "two namespaces", must[[]storage.Namespace](s)(records.Namespaces(s.ctx, "", 2)), all[:2])
	equalList(s, "namespaces after a", must[[]storage.Namespace](s)(records.Namespaces(s.ctx, "a", 0)), all[4:])
	equalList(s, "namespaces after a0", must[[]storage.Namespace](s)(records.Namespaces(s.ctx, "a0", 0)), all[5:])
	equalList(s, "namespaces after the last", must[[]storage.Namespace](s)(records.Namespaces(s.ctx, "b", 0)), nil)
}

// Invalid input is refused, and the error names the field. What can't exist is not found.
func testRecordValidation(s *suite) {
	records := s.Records()
	good := storage.Record{Namespace: "abc.xyz_0-9", Key: "é", Value: bytes.Repeat([]byte("x"), storage.MaxRecordValue)}
	s.putRecord(good)
	s.putRecord(storage.Record{Namespace: strings.Repeat("n", storage.MaxNamespace), Key: strings.Repeat("k", storage.MaxRecordKey)})
	for what, tt := range map[string]struct {
		field string
		spoil func(r *storage.Record)
	}{
		"no namespace":         {"namespace", func(r *storage.Record) { r.Namespace = "" }},
		"long namespace":       {"namespace", func(r *storage.Record) { r.Namespace = strings.Repeat("n", storage.MaxNamespace+1) }},
		"upper case":           {"namespace", func(r *storage.Record) { r.Namespace = "A" }},
		"braces":               {"namespace", func(r *storage.Record) { r.Namespace = "a}{b" }},
		"namespace's UTF-8":    {"namespace", func(r *storage.Record) { r.Namespace = "é" }},
		"namespace's NUL":      {"namespace", func(r *storage.Record) { r.Namespace = "a\x00" }},
		"no key":               {"key", func(r *storage.Record) { r.Key = "" }},
		"long key":             {"key", func(r *storage.Record) { r.Key = strings.Repeat("k", storage.MaxRecordKey+1) }},
		"key's UTF-8":          {"key", func(r *storage.Record) { r.Key = "\xc3" }},
		"key's NUL":            {"key", func(r *storage.Record) { r.Key = "a\x00b" }},
		"long value":           {"value", func(r *storage.Record) { r.Value = make([]byte, storage.MaxRecordValue+1) }},
		"negative version":     {"version", func(r *storage.Record) { r.Version = -1 }},
		"negative TTL":         {"ttl", func(r *storage.Record) { r.TTL = -1 }},
		"long TTL":             {"ttl", func(r *storage.Record) { r.TTL = storage.MaxTTL + 1 }},
		"expiry in year 10000": {"expires", func(r *storage.Record) { r.Expires = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }},
		"expiry at the epoch":  {"expires", func(r *storage.Record) { r.Expires = time.Unix(0, 999) }},
		"expiry before":        {"expires", func(r *storage.Record) { r.Expires = time.Unix(-1, 0) }},
	} {
		r := storage.Record{Namespace: "ns", Key: "key"}
		tt.spoil(&r)
		_, err := records.Put(s.ctx, r)
		wantInvalid(s, "put with "+what, err)
		var field *motacilla.FieldError
		if errors.As(err, &field) && field.Field != tt.field {
			s.Fatalf("put with %s: the error is about %s, want %s", what, field.Field, tt.field)
		}
		if field := tt.field; field == "namespace" || field == "key" {
			_, err = records.Get(s.ctx, r.Namespace, r.Key)
			want(s, "get with "+what, err, motacilla.ErrNotFound)
			want(s, "delete with "+what, records.Delete(s.ctx, r.Namespace, r.Key, 1), motacilla.ErrNotFound)
		}
		if tt.field == "namespace" {
			sameRecords(s, "list with "+what, must[[]storage.Record](s)(records.List(s.ctx, r.Namespace, "", "", 0)), nil)
		}
	}
	_, err := records.Get(s.ctx, "ns", "key")
	want(s, "get what was refused", err, motacilla.ErrNotFound)
}

// Values that go in and come out belong to the caller.
func testRecordOwnership(s *suite) {
	records := s.Records()
	value := []byte("value")
	made := s.putRecord(storage.Record{Namespace: "ns", Key: "key", Value: value})
	expected := made
	expected.Value = []byte("value")
	spoil := func(what string, v []byte) {
		s.Helper()
		for i := range v {
			v[i] = '!'
		}
		_ = append(v[:0], "spoilt"...)
		sameRecord(s, "after spoiling "+what, must[storage.Record](s)(records.Get(s.ctx, "ns", "key")), expected)
	}
	spoil("what was put", value)
	spoil("what Put returned", made.Value)
	spoil("what Get returned", must[storage.Record](s)(records.Get(s.ctx, "ns", "key")).Value)
	list := must[[]storage.Record](s)(records.List(s.ctx, "ns", "", "", 0))
	spoil("what List returned", list[0].Value)
	list[0] = storage.Record{}
	sameRecords(s, "list", must[[]storage.Record](s)(records.List(s.ctx, "ns", "", "", 0)), []storage.Record{expected})
}
