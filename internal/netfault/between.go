package netfault

import "testing"

// Between returns a proxy to target for the length of a test.
func Between(t testing.TB, target string) *Proxy {
	t.Helper()
	p, err := Listen(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// Become is Set, whose error ends the test.
func (p *Proxy) Become(t testing.TB, f Fault) {
	t.Helper()
	if err := p.Set(f); err != nil {
		t.Fatal(err)
	}
}
