package media

// WithCollector is a library whose unused images are removed from Start to Shutdown:
//
//	media.WithCollector{Library: library, Collector: media.NewCollector(library, store)}
type WithCollector struct {
	*Library
	*Collector
}

// MaxBytes returns the most bytes of an image that the library takes.
func (l *Library) MaxBytes() int64 { return int64(l.o.MaxBytes) }
