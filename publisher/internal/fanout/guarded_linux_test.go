package fanout

import "testing"

// forget moves the topic, and has After answer Later for its beginning.
func (r *rig) forget() {
	r.move(10)
	r.move(10)
	r.story.mu.Lock()
	defer r.story.mu.Unlock()
	r.story.floor = 2
}

func TestGuardedReadersDoNotGetPrivateFrames(t *testing.T) {
	r := newRig(t, Options{})
	r.forget()
	guest, member := r.join(Join{Cursor: 0, Guarded: true}), r.join(Join{Cursor: 0})
	r.topic.wake()
	r.story.mu.Lock()
	frame := r.story.frame(0)
	r.story.mu.Unlock()
	frame.Private = true
	r.topic.Give(0, frame)
	r.want(member, 0, 2)
	if got := r.text(guest); got != "no" {
		t.Errorf("the guest got %q", got)
	}
}

func TestGuardedReadersAreRefused(t *testing.T) {
	r := newRig(t, Options{})
	guest, member := r.join(Join{Guarded: true}), r.join(Join{})
	r.move(10)
	r.want(guest, 0, 1)
	r.want(member, 0, 1)
	r.story.mu.Lock()
	r.story.shut = true
	r.story.mu.Unlock()
	r.move(10)
	if got := r.text(guest); got != "no" {
		t.Errorf("the guest got %q", got)
	}
	r.want(member, 1, 2)
}
