// Package s3 is a media store in a bucket of a server with Amazon's S3 interface: Amazon S3, MinIO, Ceph, Garage, Cloudflare R2,
// versitygw and others. It is a module of its own, so that apps without it do not depend on an S3 client.
//
// # Durability
//
// A file that was put is as safe as the server keeps it. A file is one object that is written in one request: it is there as a
// whole or not at all.
//
// # One node or many
//
// All nodes may use the same bucket and prefix.
//
// # Options
//
// The server, the bucket, and an access key that may read, write, delete and list in it. Without the permission to list, S3
// answers "access denied" for a file that is not there.
//
// # Limits
//
// A call that the server does not answer, or answers with a fault, is made three times. A file is at most 5 GiB long.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/media"
)

// DefaultRegion is the default of Options.Region.
const DefaultRegion = "us-east-1"

// Options are the settings of a Store.
type Options struct {
	Endpoint     string `key:"endpoint" required:"true" doc:"URL of the server, such as https://s3.eu-central-1.amazonaws.com"`
	Bucket       string `key:"bucket" required:"true" doc:"the bucket that the files are in"`
	Region       string `key:"region" doc:"region of the bucket; many servers take any"` // DefaultRegion
	Prefix       string `key:"prefix" doc:"beginning of every object's name, for several installations in one bucket"`
	AccessKey    string `key:"access_key" doc:"the access key; empty is that of AWS_ACCESS_KEY_ID, or of the machine's role at Amazon"`
	SecretKey    string `key:"secret_key" secret:"true" doc:"the secret of the access key"`
	VirtualHost  bool   `key:"virtual_host" doc:"name the bucket in the host, as in https://bucket.s3.example.org, and not in the path"`
	CreateBucket bool   `key:"create_bucket" doc:"create the bucket at the start if it is not there"`
}

// The server's answers that are waited for, and how often a call is made.
const (
	answerTimeout = 20 * time.Second
	attempts      = 3
	firstPause    = 200 * time.Millisecond
)

// Store is a media.Store in a bucket. Use New.
type Store struct {
	client    *minio.Core
	transport *http.Transport
	o         Options
	prefix    string // empty, or with a slash at its end
}

var _ media.Store = (*Store)(nil)

// New returns the store of a bucket. It does not connect. The error is an ErrInvalid that names the option.
func New(o *Options) (*Store, error) {
	s := &Store{o: *o}
	endpoint, err := s.endpoint()
	if err != nil {
		return nil, err
	}
	if len(o.Bucket) < 3 || len(o.Bucket) > 63 {
		return nil, motacilla.Invalid("bucket", "must be the name of a bucket, which has 3 to 63 characters")
	}
	if (o.AccessKey == "") != (o.SecretKey == "") {
		return nil, motacilla.Invalid("secret_key", "and access_key must be given together")
	}
	if s.prefix = strings.Trim(o.Prefix, "/"); s.prefix != "" {
		if len(s.prefix) > maxPrefix || !media.ValidName(strings.ToLower(s.prefix)) {
			return nil, motacilla.Invalid("prefix", "must be at most %d bytes: letters, digits, '.', '-' and '/'", maxPrefix)
		}
		s.prefix += "/"
	}
	if s.o.Region == "" {
		s.o.Region = DefaultRegion
	}
	secure := endpoint.Scheme == "https"
	if s.transport, err = minio.DefaultTransport(secure); err != nil {
		return nil, fmt.Errorf("make transport: %w", err)
	}
	s.transport.ResponseHeaderTimeout = answerTimeout
	lookup := minio.BucketLookupPath
	if o.VirtualHost {
		lookup = minio.BucketLookupDNS
	}
	s.client, err = minio.NewCore(endpoint.Host, &minio.Options{
		Creds: s.credentials(), Secure: secure, Region: s.o.Region, Transport: s.transport, BucketLookup: lookup, MaxRetries: attempts,
	})
	if err != nil {
		return nil, motacilla.Invalid("endpoint", "can't be used: %v", err)
	}
	return s, nil
}

// maxPrefix leaves room for a name: S3 permits 1024 bytes.
const maxPrefix = 500

func (s *Store) endpoint() (*url.URL, error) {
	u, err := url.Parse(s.o.Endpoint)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, motacilla.Invalid("endpoint", "must be an http or https URL without a path, such as https://s3.example.org")
	}
	return u, nil
}

func (s *Store) credentials() *credentials.Credentials {
	if s.o.AccessKey != "" {
		return credentials.NewStaticV4(s.o.AccessKey, s.o.SecretKey, "")
	}
	return credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.IAM{}})
}

// Close closes idle connections. The store can still be used.
func (s *Store) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}

// Put implements media.Store.
func (s *Store) Put(ctx context.Context, name string, f media.File, r io.Reader) error {
	if err := media.CheckFile(name, f); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	from := newSource(r, f.Size)
	for attempt := 1; ; attempt++ {
		err := s.put(ctx, name, f, from)
		if err == nil || !errors.Is(err, motacilla.ErrUnavailable) || final(err) || attempt == attempts || !from.again() {
			return err
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// put puts a file once. The client does not put it again by itself: it would read the source while the request before may do so.
func (s *Store) put(ctx context.Context, name string, f media.File, from *source) error {
	b, err := from.body()
	if err == nil && f.Size == 0 { // the client does not read it
		err = b.end()
	}
	if err != nil {
		return fmt.Errorf("put file %q: %w", name, err)
	}
	_, err = s.client.Client.PutObject(ctx, s.o.Bucket, s.prefix+name, struct{ io.Reader }{b}, f.Size, minio.PutObjectOptions{
		ContentType: f.Type, DisableMultipart: true, // a file is there as a whole or not at all
		DisableContentSha256: f.Size == 0, // the client would sign no bytes by sending some, beyond the request
	})
	if wrong := b.Close(); wrong != nil && ctx.Err() == nil { // whatever the client makes of it
		return fmt.Errorf("put file %q: %w", name, wrong)
	}
	return s.fault(ctx, "put", name, err)
}

// pause waits before the next attempt.
func pause(ctx context.Context, attempt int) error {
	wait := firstPause << (attempt - 1)
	timer := time.NewTimer(wait/2 + rand.N(wait/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Open implements media.Store. What it returns is read from the server, and ends with ctx.
func (s *Store) Open(ctx context.Context, name string) (media.File, io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return media.File{}, nil, err
	}
	if !media.ValidName(name) || media.TypeOf(name) == "" {
		return media.File{}, nil, fmt.Errorf("open file %q: %w", name, motacilla.ErrNotFound)
	}
	body, info, _, err := s.client.GetObject(ctx, s.o.Bucket, s.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return media.File{}, nil, s.fault(ctx, "open", name, err)
	}
	return media.File{Type: media.TypeOf(name), Size: info.Size}, &file{body, s, ctx, name}, nil
}

// file is an object that is being read.
type file struct {
	io.ReadCloser
	store *Store
	ctx   context.Context
	name  string
}

func (f *file) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = f.store.fault(f.ctx, "read", f.name, err)
	}
	return n, err
}

// Delete implements media.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !media.ValidName(name) || media.TypeOf(name) == "" {
		return nil
	}
	err := s.client.RemoveObject(ctx, s.o.Bucket, s.prefix+name, minio.RemoveObjectOptions{})
	if err = s.fault(ctx, "delete", name, err); errors.Is(err, motacilla.ErrNotFound) {
		return nil
	}
	return err
}
