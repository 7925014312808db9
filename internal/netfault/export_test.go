package netfault

// Lost returns how many connections have lost something.
func (p *Proxy) Lost() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if c.lost.Load() {
			n++
		}
	}
	return n
}
