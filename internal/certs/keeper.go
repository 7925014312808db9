package certs

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/work"
	"go.uber.org/zap"
)

// Issuer is a certificate authority.
type Issuer interface {
	// Issue returns a certificate of a host with its intermediates, and its key, both in PEM. It may take minutes. replaces is
	// the host's certificate before, or nil.
	Issue(ctx context.Context, host string, replaces *x509.Certificate) (chain, key []byte, err error)

	// Window returns when the authority wants a certificate to be renewed. An error says that it does not say.
	Window(ctx context.Context, cert *x509.Certificate) (Window, error)
}

// Options are the settings of a Keeper. Logger must not be nil.
type Options struct {
	Hosts   []string // must not be empty
	Records motacilla.Records
	Secret  string // encrypts what is in Records; "" does not
	ACME    ACMEOptions
	Issuer  Issuer // default: the authority that ACME names
	Logger  *zap.Logger
}

// Keeper keeps a certificate for each of several hosts. The nodes of a store share the certificates. One node at a time has the
// lease to renew them; the others read what it stores. A certificate that can't be renewed stays in use.
type Keeper struct {
	hosts     []string
	directory string
	vault     *vault
	issuer    Issuer
	table     *Table
	log       *zap.Logger

	renewed, failed atomic.Int64
	seen            map[string]int64 // the versions that are in the table, by host; of load alone

	stop    context.CancelFunc
	running sync.WaitGroup
}

// leaseName is the name of the lease of the node that renews.
const leaseName = "certificates"

// How often records are read: while certificates are missing, and otherwise.
const (
	lookSoon  = 2 * time.Second
	lookLater = 30 * time.Second
)

// NewKeeper returns a Keeper. An error begins with the key of the configuration that is wrong.
func NewKeeper(o Options) (*Keeper, error) {
	seal, err := newSealer(o.Secret)
	if err != nil {
		return nil, fmt.Errorf("server.tls.acme.secret: %w", err)
	}
	v := &vault{records: o.Records, seal: seal}
	k := &Keeper{
		hosts: o.Hosts, vault: v, issuer: o.Issuer, table: NewTable(o.Hosts...), log: o.Logger, seen: map[string]int64{},
	}
	a := newAuthority(o.ACME, v)
	k.directory = a.options.Directory
	if k.issuer == nil {
		k.issuer = a
	}
	return k, nil
}

// Table returns the table of the certificates.
func (k *Keeper) Table() *Table { return k.table }

// Counts returns how often this node has renewed a certificate, and how many attempts have failed.
func (k *Keeper) Counts() (renewed, failed int64) { return k.renewed.Load(), k.failed.Load() }

// Load reads the certificates that are stored. It returns an error if the store does not answer, or if a record can't be read.
// It must not be called after Start.
func (k *Keeper) Load(ctx context.Context) error {
	_, err := k.load(ctx)
	return err
}

// load puts what is new in the records into the table, and returns what is stored.
func (k *Keeper) load(ctx context.Context) (map[string]*issued, error) {
	stored, err := k.vault.certificates(ctx, k.hosts)
	for host, i := range stored {
		if k.seen[host] == i.version {
			continue
		}
		cert, parseErr := parse([]byte(i.Chain), []byte(i.Key))
		if parseErr != nil {
			err = errors.Join(err, fmt.Errorf("record %s: %w", certificatePrefix+host, parseErr))
			continue
		}
		k.seen[host] = i.version
		k.table.Set(host, cert)
		k.log.Info("the certificate is read", zap.String("host", host), zap.Time("not_after", cert.Leaf.NotAfter))
	}
	return stored, err
}

// Start begins to look after the certificates. By then the authority must be able to reach this node.
func (k *Keeper) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	k.stop = cancel
	k.running.Go(func() { k.follow(ctx) })
	r := newRenewer(k) // what it knows outlasts a lease
	k.running.Go(func() { work.Hold(ctx, k.vault.records, leaseName, &work.HoldOptions{Logger: k.log}, r.run) })
}

// Stop ends an attempt that is under way, and gives the lease back. It may be called without Start.
func (k *Keeper) Stop() {
	if k.stop != nil {
		k.stop()
	}
	k.running.Wait()
}

// follow reads what other nodes store, until ctx ends.
func (k *Keeper) follow(ctx context.Context) {
	failing := ""
	for {
		_, err := k.load(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			failing = ""
		case err.Error() != failing: // once for each reason
			failing = err.Error()
			k.log.Warn("certificates can't be read; those in use stay", zap.Error(err))
		}
		every := lookLater
		if len(k.table.All()) < len(k.hosts) {
			every = lookSoon
		}
		if !pause(ctx, every) {
			return
		}
	}
}

// pause reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
