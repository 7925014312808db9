package e2e

import "fmt"

// holdTimers is a script for open. It holds the timers of a page for which the script which is true, such as "ms > 3000",
// until the test fires them. So no test waits for a pause of the browser client, and none depends on the machine's speed.
func holdTimers(which string) string {
	return fmt.Sprintf(`{
		const later = window.setTimeout, forget = window.clearTimeout;
		window.heldTimers = new Map();
		window.timersSet = []; // milliseconds of all that were held
		window.setTimeout = (run, ms = 0, ...args) => {
			if (!(%s)) return later(run, ms, ...args);
			const id = -timersSet.push(ms);
			heldTimers.set(id, {ms, run: () => run(...args)});
			return id;
		};
		window.clearTimeout = id => { if (!heldTimers.delete(id)) forget(id) };
	}`, which)
}

// firstUpdate is the timer after which the browser client gives up a transport that has brought nothing.
const firstUpdate = `ms === 5000`

// sets waits until the page has set a timer for which the script which is true.
func (p *tab) sets(which string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`[...heldTimers.values()].some(({ms}) => %s)`, which))
}

// fire waits until the page has set a timer for which the script which is true, and fires it.
func (p *tab) fire(which string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`[...heldTimers].some(([id, {ms, run}]) => (%s) && (heldTimers.delete(id), run(), true))`, which))
}

// asks waits until the page has asked a publisher so often.
func (p *tab) asks(publisher string, times int) {
	p.t.Helper()
	await(p.t, fmt.Sprintf("the page asks %s %d times", publisher, times), func() bool { return p.times(publisher) >= times })
}
