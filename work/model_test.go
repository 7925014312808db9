package work_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/work"
	"pgregory.net/rapid"
)

// step is one thing that happens to nodes and their store.
type step struct {
	What string        // add, kill, start, cut, lose, heal or stop
	Node int           // the node that it happens to
	Key  int           // the job, for add
	Wait time.Duration // before it
}

func steps() *rapid.Generator[[]step] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		return step{
			What: rapid.SampledFrom([]string{"add", "add", "add", "add", "kill", "start", "start", "stop", "cut", "lose", "heal", "heal"}).Draw(t, "what"),
			Node: rapid.IntRange(0, 2).Draw(t, "node"),
			Key:  rapid.IntRange(0, 2).Draw(t, "key"),
			Wait: time.Duration(rapid.SampledFrom([]int{0, 0, 1, 100, 3_000, 20_000, 40_000}).Draw(t, "wait")) * time.Millisecond,
		}
	}), 1, 60)
}

// model says what nodes with a queue in common must do. It counts what they do.
type model struct {
	records motacilla.Records
	fails   [3]int // how often the attempts of each job fail before one succeeds
	nodes   [3]*modelNode

	mu    sync.Mutex
	clock int            // counts events
	doing map[string]int // how many living nodes do a job
	added map[string]int // when a job was last added and acknowledged
	begun map[string]int // when the last attempt that has succeeded began
	tries map[string]int
	wrong []string
}

// modelNode is a node. If it is dead, nothing that it does counts, and it reaches no store.
type modelNode struct {
	link  *link
	queue *work.Queue
	dead  bool
	doing map[string]int
}

func (m *model) complain(format string, args ...any) {
	m.wrong = append(m.wrong, fmt.Sprintf(format, args...))
}

func (m *model) tick() int {
	m.clock++
	return m.clock
}

// do is the work of a node.
func (m *model) do(n *modelNode) func(context.Context, work.Job) error {
	return func(ctx context.Context, job work.Job) error {
		m.mu.Lock()
		if n.dead {
			m.mu.Unlock()
			<-ctx.Done()
			return ctx.Err()
		}
		began := m.tick()
		m.tries[job.Key]++
		try := m.tries[job.Key]
		n.doing[job.Key]++
		if m.doing[job.Key]++; m.doing[job.Key] > 1 {
			m.complain("%d living nodes do job %s", m.doing[job.Key], job.Key)
		}
		m.mu.Unlock()
		var err error
		select {
		case <-time.After(time.Duration(try%7) * 3 * time.Second):
		case <-ctx.Done():
			err = ctx.Err()
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		if n.dead {
			return errors.New("dead")
		}
		n.doing[job.Key]--
		m.doing[job.Key]--
		var key int
		_, _ = fmt.Sscan(job.Key, &key)
		if err == nil && try%(m.fails[key]+1) != 0 {
			err = errors.New("fails")
		}
		if err == nil {
			m.begun[job.Key] = max(m.begun[job.Key], began)
		}
		return err
	}
}

func (m *model) start(i int) {
	if n := m.nodes[i]; n != nil && !n.dead {
		return
	}
	n := &modelNode{link: &link{Records: m.records}, doing: make(map[string]int)}
	n.queue = work.NewQueue(n.link, "test", m.do(n), &work.QueueOptions{Workers: 2, Attempts: 1000, Backoff: time.Second})
	_ = n.queue.Start(context.Background())
	m.nodes[i] = n
}

// kill lets a node do nothing more.
func (m *model) kill(n *modelNode) {
	n.link.set(true, 0)
	m.mu.Lock()
	n.dead = true
	for key, times := range n.doing {
		m.doing[key] -= times
	}
	m.mu.Unlock()
	_ = n.queue.Shutdown(context.Background()) // so that it leaves no goroutine
}

func (m *model) take(s step) {
	time.Sleep(s.Wait)
	n := m.nodes[s.Node]
	if s.What == "start" {
		m.start(s.Node)
		return
	}
	if n == nil || n.dead {
		return
	}
	switch s.What {
	case "add":
		m.mu.Lock()
		now := m.tick()
		m.mu.Unlock()
		key := fmt.Sprint(s.Key)
		if err := n.queue.Add(context.Background(), key, []byte("{}")); err == nil {
			m.mu.Lock()
			m.added[key] = now
			m.mu.Unlock()
		}
	case "kill":
		m.kill(n)
	case "stop":
		_ = n.queue.Shutdown(context.Background())
		m.kill(n)
	case "cut":
		n.link.set(true, 0)
	case "lose":
		n.link.set(false, 0.5)
	case "heal":
		n.link.set(false, 0)
	}
}

// play takes all steps, lets the nodes that are left finish, and returns what is wrong then.
func (m *model) play(t *testing.T, list []step) {
	m.doing, m.added = make(map[string]int), make(map[string]int)
	m.begun, m.tries = make(map[string]int), make(map[string]int)
	for _, s := range list {
		m.take(s)
	}
	for i, n := range m.nodes {
		if n != nil {
			n.link.set(n.dead, 0)
		}
		m.start(i)
	}
	left, err := m.nodes[0].queue.Len(t.Context())
	for late := time.Now().Add(10 * time.Hour); left > 0 && time.Now().Before(late); {
		time.Sleep(10 * time.Second)
		left, err = m.nodes[0].queue.Len(t.Context())
	}
	for _, n := range m.nodes {
		m.kill(n)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if left != 0 || err != nil {
		m.complain("%d jobs are left (%v)", left, err)
	}
	for key, added := range m.added {
		if m.begun[key] < added {
			m.complain("job %s was added at %d; the last attempt that succeeded began at %d", key, added, m.begun[key])
		}
	}
}

// TestModel lets random things happen to three nodes, whose clocks are hours from the store's. Each job that was added is done
// after that, by one living node at a time, and in the end none is left. A job may be lost with its nodes four times.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		list := steps().Draw(rt, "steps")
		m := &model{}
		for i := range m.fails {
			m.fails[i] = rapid.IntRange(0, 3).Draw(rt, "fails")
		}
		ahead := time.Duration(rapid.IntRange(-30, 30).Draw(rt, "ahead")) * time.Hour
		kills := 0
		for i, s := range list {
			if s.What == "kill" {
				if kills++; kills > 3 {
					list[i].What = "stop"
				}
			}
		}
		synctest.Test(t, func(t *testing.T) {
			m.records = store(t, ahead)
			m.play(t, list)
		})
		if len(m.wrong) > 0 {
			rt.Fatal(m.wrong)
		}
	})
}
