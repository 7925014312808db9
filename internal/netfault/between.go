package netfault

import "testing"

// Between returns a proxy to target. It is closed when the test ends.
func Between(t testing.TB, target string) *Proxy {
	t.Helper()
	p, err := Listen(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// Become calls Set. An error ends the test.
func (p *Proxy) Become(t testing.TB, f Fault) {
	t.Helper()
	if err := p.Set(f); err != nil {
		t.Fatal(err)
	}
}
