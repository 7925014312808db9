package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/media/internal/picture"
	"github.com/motacilla-live/motacilla/media/internal/spool"
	"go.uber.org/zap"
)

// abandoned is how long after its beginning an Add that has not ended is over: its node has died.
const abandoned = 24 * time.Hour

// longestAdd is how long Add may take. It is much shorter than abandoned.
const longestAdd = time.Hour

// Add reads an image and keeps it under id, 1 to 64 characters of a-z, 0-9 and '-'. If there is an image of this ID, Add returns
// it, and reads nothing. If what r has is not an image that the library takes, the error is a motacilla.ErrInvalid that names
// the limit. The block that it returns has everything but Alt.
//
// Add may be called for one ID by several goroutines and nodes at once: all return one of the images. If the node dies, the image
// is there with all its files or not at all, and Add may be called again.
func (l *Library) Add(ctx context.Context, id string, r io.Reader) (motacilla.Block, error) {
	if !ids.MatchString(id) {
		return motacilla.Block{}, motacilla.Invalid("media", "must be the ID of an image: 1 to 64 characters of a-z, 0-9 and -")
	}
	ctx, cancel := context.WithTimeout(ctx, longestAdd)
	defer cancel()
	e, err := l.used(ctx, id)
	if errors.Is(err, motacilla.ErrNotFound) {
		e, err = l.add(ctx, id, r)
	}
	if err != nil {
		return motacilla.Block{}, fmt.Errorf("add image %q: %w", id, err)
	}
	return e.block(), nil
}

func (l *Library) add(ctx context.Context, id string, r io.Reader) (*entry, error) {
	upload, err := l.receive(ctx, r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = upload.Close() }()
	set, info, err := l.convert(ctx, upload)
	if err != nil {
		return nil, err
	}
	defer set.Close()
	const attempts = 4
	for range attempts {
		e, err := l.keep(ctx, id, set, info)
		if !errors.Is(err, motacilla.ErrConflict) {
			return e, err
		}
	}
	return nil, &motacilla.UnavailableError{Reason: "the image is being changed by others", Err: motacilla.ErrConflict}
}

// receive writes what r has to a temporary file.
func (l *Library) receive(ctx context.Context, r io.Reader) (*spool.File, error) {
	f, err := spool.New(l.o.TempDir)
	if err != nil {
		return nil, &motacilla.UnavailableError{Reason: "there is no room for uploads", Err: err}
	}
	most := int64(l.o.MaxBytes)
	n, err := io.Copy(f, io.LimitReader(&withContext{ctx, r}, most+1))
	switch {
	case isWrite(err):
		err = &motacilla.UnavailableError{Reason: "there is no room for uploads", Err: err}
	case err != nil:
		err = fmt.Errorf("read image: %w", err)
	case n > most:
		err = motacilla.Invalid("image", "must have at most %d bytes; it has more", most)
	default:
		return f, nil
	}
	_ = f.Close()
	return nil, err
}

// isWrite reports whether a temporary file could not be written.
func isWrite(err error) bool {
	var failed *fs.PathError
	return errors.As(err, &failed) && failed.Op == "write"
}

// withContext is a reader that ends with a context.
type withContext struct {
	ctx context.Context
	r   io.Reader
}

func (w *withContext) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.r.Read(p)
}

// convert checks an upload, and makes its sizes when there is memory for it.
func (l *Library) convert(ctx context.Context, upload *spool.File) (*picture.Set, picture.Info, error) {
	stat, err := upload.Stat()
	if err != nil {
		return nil, picture.Info{}, err
	}
	info, err := picture.Check(upload, stat.Size(), picture.Limits{Pixels: int64(l.o.MaxPixels), Frames: l.o.MaxFrames})
	if err != nil {
		return nil, info, err
	}
	needs := picture.Needs(info, l.widths)
	if most := int64(l.o.Memory); needs > most {
		return nil, info, motacilla.Invalid("image", "must need at most %d MiB of memory to be converted; this %s of %d x %d needs %d",
			most>>20, info.Format, info.Width, info.Height, needs>>20)
	}
	needs = max(needs, int64(l.o.Memory/runtime.GOMAXPROCS(0))) // no more at a time than there are processors: readers need those
	if err := l.memory.Acquire(ctx, needs); err != nil {
		return nil, info, err
	}
	defer l.memory.Release(needs)
	if _, err := upload.Seek(0, io.SeekStart); err != nil {
		return nil, info, err
	}
	set, err := picture.Convert(ctx, upload, info, l.widths, l.o.TempDir)
	if err != nil {
		return nil, info, unavailable(err)
	}
	return set, info, nil
}

// keep puts the files of set, and makes the image ready then. The error is an ErrConflict if the record has changed meanwhile.
func (l *Library) keep(ctx context.Context, id string, set *picture.Set, info picture.Info) (*entry, error) {
	e, err := l.announce(ctx, id, set)
	if err != nil || e.State == ready {
		return e, err
	}
	sizes := sizesOf(e, set)
	for i, s := range sizes {
		file := set.Sizes[i].File
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		if err := l.store.Put(ctx, s.Name, File{TypeOf(s.Name), s.Bytes}, file); err != nil {
			return nil, fmt.Errorf("put file %q: %w", s.Name, unavailable(err))
		}
	}
	return l.finish(ctx, e, func(e *entry) {
		e.State, e.Files = ready, sizes
		e.Width, e.Height, e.Color, e.Type = set.Width, set.Height, set.Color, string(info.Format)
		e.Adding = without(e.Adding, sizes)
	}, sizes)
}

// sizesOf returns the sizes of set as an entry has them. Names come from the contents: two nodes that add the same image put the
// same files.
func sizesOf(e *entry, set *picture.Set) []size {
	var sizes []size
	for _, s := range set.Sizes {
		end := ".jpg"
		if s.Format == picture.PNG {
			end = ".png"
		}
		name := e.key + "/" + e.Generation + "-" + s.Digest[:24] + end
		sizes = append(sizes, size{name, s.Width, s.Height, s.Bytes, s.Digest})
	}
	return sizes
}

// maxAdding is how many files of unfinished Adds an entry may have. More come only if an ID is used for many images.
const maxAdding = 100

// announce writes into the record which files are going to be put, so that they are found if this node dies. If the image is ready
// already, it returns that.
func (l *Library) announce(ctx context.Context, id string, set *picture.Set) (*entry, error) {
	e, err := l.read(ctx, id)
	if errors.Is(err, motacilla.ErrNotFound) {
		e, err = &entry{State: adding, Generation: newGeneration(), Created: time.Now().UTC(), key: id}, nil
	}
	switch {
	case err != nil:
		return nil, err
	case e.State == ready:
		return l.again(ctx, id)
	case e.State == doomed:
		if err := l.sweep(ctx, e); err != nil {
			return nil, err
		}
		return nil, motacilla.ErrConflict
	}
	for _, s := range sizesOf(e, set) {
		if !slices.Contains(e.Adding, s.Name) {
			e.Adding = append(e.Adding, s.Name)
		}
	}
	if len(e.Adding) > maxAdding {
		return nil, motacilla.Invalid("media", "must be an ID for one image; many are being added under it")
	}
	e.Since = time.Now().UTC()
	return e, l.write(ctx, e)
}

// finish makes the image ready. If another Add was faster, finish removes the files of this one, and returns that image.
func (l *Library) finish(ctx context.Context, e *entry, done func(*entry), mine []size) (*entry, error) {
	for generation := e.Generation; ; {
		now, err := l.read(ctx, e.key)
		switch {
		case errors.Is(err, motacilla.ErrNotFound), err == nil && (now.Generation != generation || now.State == doomed):
			return nil, l.withdraw(ctx, mine, nil)
		case err != nil:
			return nil, err
		case now.State == ready:
			return l.yield(ctx, now, mine)
		}
		done(now)
		err = l.write(ctx, now)
		if err == nil {
			l.known.put(now)
			return now, nil
		}
		if !errors.Is(err, motacilla.ErrConflict) {
			return nil, err
		}
	}
}

// withdraw deletes files that this Add has put, except kept, and returns ErrConflict.
func (l *Library) withdraw(ctx context.Context, mine, kept []size) error {
	for _, s := range mine {
		if slices.ContainsFunc(kept, func(k size) bool { return k.Name == s.Name }) {
			continue
		}
		if err := l.store.Delete(ctx, s.Name); err != nil {
			return fmt.Errorf("delete file %q: %w", s.Name, unavailable(err))
		}
	}
	return motacilla.ErrConflict
}

// yield removes what this Add has put, since the image e is ready. If that fails, the collector does it later.
func (l *Library) yield(ctx context.Context, e *entry, mine []size) (*entry, error) {
	if err := l.withdraw(ctx, mine, e.Files); errors.Is(err, motacilla.ErrConflict) {
		next := *e
		next.Adding = without(e.Adding, mine)
		if len(next.Adding) < len(e.Adding) {
			err = l.write(ctx, &next)
		}
		if err != nil && !errors.Is(err, motacilla.ErrConflict) {
			l.o.Logger.Warn("files of an image that was added twice are left", zap.String("image", e.key), zap.Error(err))
		}
	}
	return l.again(ctx, e.key)
}

// again returns an image that was ready just now. If it is gone, the error is an ErrConflict: the caller begins again.
func (l *Library) again(ctx context.Context, id string) (*entry, error) {
	e, err := l.used(ctx, id)
	if errors.Is(err, motacilla.ErrNotFound) {
		err = motacilla.ErrConflict
	}
	return e, err
}

// without returns names without those of sizes.
func without(names []string, sizes []size) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.ContainsFunc(sizes, func(s size) bool { return s.Name == name })
	})
}
