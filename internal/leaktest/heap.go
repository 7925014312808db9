package leaktest

import "runtime"

// Heap returns how many bytes are on the heap when everything that nobody needs is gone. What has a finalizer, such as a connection, goes
// only in the collection after the finalizer has run, and that waits for a processor.
func Heap() int64 {
	for range 4 { // what it leads to may have finalizers too
		ran := make(chan struct{})
		runtime.SetFinalizer(&struct{ ran chan struct{} }{ran}, func(last *struct{ ran chan struct{} }) { close(last.ran) })
		runtime.GC()
		<-ran
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
