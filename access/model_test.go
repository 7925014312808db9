package access_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/route"
)

// within is how soon a revocation reaches all nodes that reach the store.
const within = 2 * time.Second

// slow is a node's way to the store. It takes time, is out now and then, and may lose the answer to what it has carried out.
type slow struct {
	motacilla.Records
	mu       sync.Mutex
	rnd      *rand.Rand
	out      time.Time // until when nothing goes through
	lastDown time.Time // the end of the last outage
}

func (s *slow) through() error {
	s.mu.Lock()
	pause := time.Duration(s.rnd.IntN(50)) * time.Millisecond
	s.mu.Unlock()
	time.Sleep(pause)
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.out) {
		return motacilla.ErrUnavailable
	}
	return nil
}

func (s *slow) fail(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = time.Now().Add(d)
	s.lastDown = s.out
}

// reached reports whether the store was in reach since a time, and a look at what was revoked could follow.
func (s *slow) reached(since time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastDown.Add(within).Before(since)
}

func (s *slow) Get(ctx context.Context, namespace, key string) (motacilla.Record, error) {
	if err := s.through(); err != nil {
		return motacilla.Record{}, err
	}
	r, err := s.Records.Get(ctx, namespace, key)
	s.mu.Lock()
	long := s.rnd.IntN(10) == 0
	pause := time.Duration(s.rnd.IntN(2000)) * time.Millisecond
	s.mu.Unlock()
	if long { // what was read may be old when it arrives
		time.Sleep(pause)
	}
	return r, cmp.Or(s.through(), err)
}

func (s *slow) Put(ctx context.Context, r motacilla.Record) (motacilla.Record, error) {
	if err := s.through(); err != nil {
		return motacilla.Record{}, err
	}
	r, err := s.Records.Put(ctx, r)
	return r, cmp.Or(s.through(), err)
}

func (s *slow) Delete(ctx context.Context, namespace, key string, version int64) error {
	if err := s.through(); err != nil {
		return err
	}
	err := s.Records.Delete(ctx, namespace, key, version)
	return cmp.Or(s.through(), err)
}

func (s *slow) List(ctx context.Context, namespace, prefix, after string, limit int) ([]motacilla.Record, error) {
	if err := s.through(); err != nil {
		return nil, err
	}
	list, err := s.Records.List(ctx, namespace, prefix, after, limit)
	return list, cmp.Or(s.through(), err)
}

// known is a credential, and since when it permits to write or not.
type known struct {
	name    string
	account string // whose session it is; empty if it has ended
	token   string
	cookie  *http.Cookie

	mu    sync.Mutex
	since []time.Time
	may   []bool
}

func (k *known) set(may bool, at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.since, k.may = append(k.since, at), append(k.may, may)
}

func (k *known) now() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.may[len(k.may)-1]
}

// during reports whether the credential permitted to write at some time of a span.
func (k *known) during(from, to time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, may := range k.may {
		ended := i+1 < len(k.since) && k.since[i+1].Before(from)
		if may && !ended && !k.since[i].After(to) {
			return true
		}
	}
	return false
}

func (k *known) request(method string) *http.Request {
	if k.cookie != nil {
		return withCookies(request(method), k.cookie)
	}
	return request(method, "Authorization", "Bearer "+k.token)
}

// stream is a permission that lasts until it is revoked.
type stream struct {
	of   *known
	node int

	mu    sync.Mutex
	ended time.Time
}

// model is three nodes, and what is true.
type model struct {
	*testing.T
	rnd   *rand.Rand
	nodes []*site
	ways  []*slow

	mu      sync.Mutex
	all     []*known
	streams []*stream
	writes  map[string]bool // accounts that may write
}

// TestRevocationModel: whatever is revoked or changed, on whatever node, and whatever fails, nobody keeps a permission for more than 2 s on
// a node that reaches the store; and in the end everybody may do what they may.
func TestRevocationModel(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runModel(t, seed) })
		})
	}
}

func runModel(t *testing.T, seed uint64) {
	first := open(t)
	m := &model{T: t, rnd: rand.New(rand.NewPCG(seed, 1)), writes: map[string]bool{}}
	for i := range uint64(3) {
		way := &slow{Records: first.store.Records(), rnd: rand.New(rand.NewPCG(seed, 10+i))}
		m.ways = append(m.ways, way)
		m.nodes = append(m.nodes, joinWith(t, first.store, way, "", newStaff))
	}
	var readers sync.WaitGroup
	done := make(chan struct{})
	for i := range 6 {
		rnd := rand.New(rand.NewPCG(seed, 20+uint64(i)))
		readers.Go(func() { m.read(i%3, rnd, done) })
	}
	for range 60 {
		time.Sleep(time.Duration(m.rnd.IntN(1500)) * time.Millisecond)
		m.change()
	}
	close(done)
	readers.Wait()
	time.Sleep(time.Minute)
	m.settle()
}

// read asks one node again and again who may write, and begins streams.
func (m *model) read(node int, rnd *rand.Rand, done chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-time.After(time.Duration(rnd.IntN(300)) * time.Millisecond):
		}
		m.mu.Lock()
		if len(m.all) == 0 {
			m.mu.Unlock()
			continue
		}
		of := m.all[rnd.IntN(len(m.all))]
		m.mu.Unlock()
		began := time.Now()
		grant, err := m.nodes[node].Authorize(of.request(http.MethodPost), "closed", route.Write)
		switch {
		case err == nil && !of.during(began.Add(-within), time.Now()) && m.ways[node].reached(began.Add(-within)):
			m.Errorf("node %d: %s may write at %v", node, of.name, began)
		case err == nil:
			one := &stream{of: of, node: node}
			grant.Holder.OnRevoke(func() {
				one.mu.Lock()
				defer one.mu.Unlock()
				one.ended = time.Now()
			})
			m.mu.Lock()
			m.streams = append(m.streams, one)
			m.mu.Unlock()
		case errors.Is(err, motacilla.ErrUnavailable) && m.ways[node].reached(began):
			m.Errorf("node %d: %v, while it reaches the store", node, err)
		}
	}
}

// again does something at one node after another, until one has done it.
func (m *model) again(do func(*access.Kit) error) {
	for {
		err := do(m.nodes[m.rnd.IntN(3)].Kit())
		if err == nil || errors.Is(err, motacilla.ErrNotFound) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// change does one thing at random.
func (m *model) change() {
	switch m.rnd.IntN(6) {
	case 0:
		m.newToken()
	case 1:
		m.signsIn()
	case 2, 3:
		m.revoke()
	case 4:
		m.newRole()
	case 5:
		m.ways[m.rnd.IntN(3)].fail(time.Duration(m.rnd.IntN(20)) * time.Second)
	}
}

func (m *model) add(k *known) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(m.all, k)
}

func (m *model) newToken() {
	name, began := fmt.Sprint("t", m.rnd.IntN(5)), time.Now() // the name of one that was revoked may come again
	m.again(func(kit *access.Kit) error {
		secret, err := kit.CreateToken(m.Context(), access.Token{Name: name, Rights: access.Rights{{Role: access.Editor}}})
		if err == nil {
			k := &known{name: "token/" + name, token: secret}
			k.set(true, began)
			m.add(k)
		}
		if errors.Is(err, motacilla.ErrExists) {
			return nil
		}
		return err
	})
}

// account returns the name of one of three accounts, which are made when they are needed.
func (m *model) account() string {
	name := string(rune('a' + m.rnd.IntN(3)))
	if _, there := m.writes[name]; !there {
		m.writes[name] = true
		hire(m, m.ways[0].Records, name, "editor")
	}
	return name
}

func (m *model) signsIn() {
	name, began := m.account(), time.Now()
	k := &known{name: "session of " + name, account: name}
	m.again(func(kit *access.Kit) error {
		w := recorder{http.Header{}}
		err := kit.SignIn(w, request(http.MethodPost), &access.Account{Who: "staff/" + name, Name: name}, false, 0)
		if err == nil {
			k.cookie = w.cookies()[0]
		}
		return err
	})
	k.set(m.writes[name], began)
	m.add(k)
}

// recorder takes the cookies of an answer.
type recorder struct{ header http.Header }

func (r recorder) Header() http.Header         { return r.header }
func (r recorder) Write(p []byte) (int, error) { return len(p), nil }
func (r recorder) WriteHeader(int)             {}
func (r recorder) cookies() []*http.Cookie     { return (&http.Response{Header: r.header}).Cookies() }

// revoke ends a token, or all sessions of an account.
func (m *model) revoke() {
	if len(m.all) == 0 {
		return
	}
	of := m.all[m.rnd.IntN(len(m.all))]
	if of.cookie == nil {
		name := of.name[len("token/"):]
		m.again(func(kit *access.Kit) error { return kit.RevokeToken(m.Context(), name) })
		m.each(func(k *known) bool { return k.name == of.name }, false)
		return
	}
	name := of.account
	if name == "" {
		return
	}
	m.again(func(kit *access.Kit) error { return kit.EndSession(m.Context(), "staff/"+name, "") })
	for _, k := range m.all {
		if k.account == name {
			k.set(false, time.Now())
			k.account = "" // a new role changes nothing any more
		}
	}
}

// each sets what credentials permit, from now on.
func (m *model) each(is func(*known) bool, may bool) {
	for _, k := range m.all {
		if is(k) {
			k.set(may, time.Now())
		}
	}
}

// newRole changes what an account may do.
func (m *model) newRole() {
	name := m.account()
	m.writes[name] = !m.writes[name]
	role := "reader"
	mine := func(k *known) bool { return k.account == name }
	if m.writes[name] {
		role = "editor"
		m.each(mine, true)
	}
	hire(m, m.ways[0].Records, name, role)
	m.again(func(kit *access.Kit) error { return kit.AccountChanged(m.Context(), "staff/"+name) })
	if !m.writes[name] {
		m.each(mine, false)
	}
}

// settle looks at everything a minute after the last change.
func (m *model) settle() {
	for _, k := range m.all {
		for i, node := range m.nodes {
			if _, err := node.Authorize(k.request(http.MethodPost), "closed", route.Write); (err == nil) != k.now() {
				m.Errorf("node %d: in the end, %s is told: %v", i, k.name, err)
			}
		}
	}
	synctest.Wait()
	for _, one := range m.streams {
		if one.ended.IsZero() && !one.of.now() {
			m.Errorf("node %d: a stream of %s goes on, which may not write any more", one.node, one.of.name)
		}
		if !one.ended.IsZero() && m.ways[one.node].reached(one.ended.Add(-within)) && !one.of.during(one.ended.Add(-within), one.ended) {
			m.Errorf("node %d: a stream of %s ended at %v", one.node, one.of.name, one.ended)
		}
	}
	if len(m.streams) == 0 {
		m.Error("nobody was permitted anything")
	}
}
