package app

import (
	"sync/atomic"

	"go.uber.org/fx/fxevent"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func newLogger(c *Config) (*zap.Logger, error) {
	zc := zap.NewProductionConfig()
	zc.Level = zap.NewAtomicLevelAt(c.Log.level())
	zc.Encoding = c.Log.Format
	zc.Sampling = nil
	zc.DisableCaller = true
	zc.DisableStacktrace = true
	zc.EncoderConfig.EncodeTime = zapcore.RFC3339TimeEncoder
	if c.Log.Format == "console" {
		zc.EncoderConfig.EncodeLevel = zapcore.CapitalLevelEncoder
	}
	return zc.Build()
}

// fxLog logs the events of fx at debug. Events before open are dropped.
type fxLog struct {
	to atomic.Pointer[fxevent.ZapLogger]
}

func (l *fxLog) logger() fxevent.Logger { return l }

func (l *fxLog) open(log *zap.Logger) {
	to := &fxevent.ZapLogger{Logger: log}
	to.UseLogLevel(zapcore.DebugLevel)
	to.UseErrorLevel(zapcore.DebugLevel)
	l.to.Store(to)
}

// LogEvent implements fxevent.Logger.
func (l *fxLog) LogEvent(e fxevent.Event) {
	if to := l.to.Load(); to != nil {
		to.LogEvent(e)
	}
}
