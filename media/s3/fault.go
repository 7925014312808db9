package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/minio/minio-go/v7"
	"github.com/motacilla-live/motacilla"
)

// fault translates errors. If ctx has ended, it returns its error. A file that is not there is an ErrNotFound, and everything else
// an ErrUnavailable. No error has the secret.
func (s *Store) fault(ctx context.Context, op, name string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s file %q: %w", op, name, ctx.Err())
	case minio.ToErrorResponse(err).Code == minio.NoSuchKey:
		return fmt.Errorf("%s file %q: %w", op, name, motacilla.ErrNotFound)
	}
	return &motacilla.UnavailableError{
		Reason: "the media store has a fault", Err: fmt.Errorf("%s file %q: %w", op, name, s.explained(err)),
	}
}

// explained returns err with what an operator has to change, if that is known.
func (s *Store) explained(err error) error {
	answer := minio.ToErrorResponse(err)
	hint := ""
	switch answer.Code {
	case minio.NoSuchBucket:
		hint = fmt.Sprintf("there is no bucket %q; create it, or set create_bucket", s.o.Bucket)
	case "InvalidAccessKeyId", "XAdminUserNotFound": // the second one is versitygw's
		hint = "the server does not know the access key; check access_key"
	case "SignatureDoesNotMatch":
		hint = "the secret is not that of the access key; check secret_key"
	case "AccessDenied":
		hint = fmt.Sprintf("the access key may not do this in the bucket %q; it needs to read, write, delete and list", s.o.Bucket)
	case "AuthorizationHeaderMalformed", "PermanentRedirect", "InvalidRegion":
		hint = fmt.Sprintf("the bucket is not in the region %q; check region and endpoint", s.o.Region)
	default:
		return fmt.Errorf("%s: %w", s.o.Endpoint, err)
	}
	return fmt.Errorf("%s: %s (%w)", s.o.Endpoint, hint, err)
}

// final reports whether err is one that only an operator can end, such as a wrong access key.
func final(err error) bool {
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.StatusCode {
	case http.StatusTooManyRequests, http.StatusRequestTimeout, http.StatusConflict: // a conflict is with another call
		return false
	}
	return answer.StatusCode >= http.StatusBadRequest && answer.StatusCode < http.StatusInternalServerError
}

// probe is the name of a file that is never there.
const probe = "check/nothing.bin"

// Check asks the server whether the bucket is there and may be used. If Options.CreateBucket is set, it creates the bucket. The
// error says what to change.
func (s *Store) Check(ctx context.Context) error {
	_, r, err := s.Open(ctx, probe)
	switch {
	case err == nil:
		return r.Close()
	case errors.Is(err, motacilla.ErrNotFound):
		return nil
	case s.o.CreateBucket && minio.ToErrorResponse(unwrapped(err)).Code == minio.NoSuchBucket:
		return s.create(ctx)
	}
	return err
}

// create creates the bucket. Another node may have done so meanwhile.
func (s *Store) create(ctx context.Context) error {
	err := s.client.MakeBucket(ctx, s.o.Bucket, minio.MakeBucketOptions{Region: s.o.Region})
	if code := minio.ToErrorResponse(err).Code; err == nil || code == "BucketAlreadyOwnedByYou" || code == "BucketAlreadyExists" {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &motacilla.UnavailableError{
		Reason: "the media store has a fault", Err: fmt.Errorf("create the bucket %q: %w", s.o.Bucket, s.explained(err)),
	}
}

// unwrapped returns the server's answer that err wraps, or err.
func unwrapped(err error) error {
	var answer minio.ErrorResponse
	if errors.As(err, &answer) {
		return answer
	}
	return err
}
