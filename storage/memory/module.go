package memory

import (
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/zap"
)

// Module registers the store as "memory". The configuration says nothing of it but its name.
var Module = storage.Register[struct{}]("memory", nil, func(log *zap.Logger) *Store {
	return New(&Options{Logger: log})
})
