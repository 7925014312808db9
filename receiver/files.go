package receiver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/motacilla-live/motacilla/work"
	"go.uber.org/zap"
)

// File is an image of a message that the source keeps, and that is fetched after the post is stored.
type File struct {
	ID     string // the source's own ID, which is the same in each delivery; it is logged
	Ref    string // what Fetch needs to fetch it, such as a URL; it is kept in the store's records until then
	Alt    string // the alternative text
	Name   string // what readers see if the image can't be had and the post has nothing else
	Width  int    // in pixels; 0 if unknown
	Height int
}

// Fetch fetches a file of the source. The caller closes what it returns. An error that is work.Permanent gives the file up.
type Fetch func(ctx context.Context, f File) (io.ReadCloser, error)

// Files fetches the images of a receiver's messages. The post is stored first, with a placeholder for each image. A queue in the
// store's records has what is to be fetched, so an image also arrives if this node stops.
type Files struct {
	ingest *Ingest
	images Images
	fetch  Fetch
	queue  *work.Queue
	log    *zap.Logger
}

// NewFiles returns the Files of a receiver. It edits posts through in. in's source names the queue, and with File.ID the image: so
// receivers that need different credentials to fetch must pass Ingests of different sources, such as "slack-T024BE7LH". A source
// is at most 40 bytes of a-z, 0-9, '.', '_' and '-' then. kit.Metrics, unless it is nil, has the queue's figures. log may be nil.
func NewFiles(in *Ingest, kit *Kit, fetch Fetch, log *zap.Logger) *Files {
	if log == nil {
		log = zap.NewNop()
	}
	f := &Files{ingest: in, images: kit.Images, fetch: fetch, log: log}
	name := "files-" + in.source
	f.queue = work.NewQueue(kit.Records, name, f.arrive, &work.QueueOptions{GaveUp: f.giveUp, Logger: log})
	kit.Metrics.Watch(name, f.Stats)
	return f
}

// Start begins to fetch.
func (f *Files) Start(ctx context.Context) error { return f.queue.Start(ctx) }

// Shutdown ends fetching. What is not done is done after the next start, or by another node.
func (f *Files) Shutdown(ctx context.Context) error { return f.queue.Shutdown(ctx) }

// Block returns the block that stands in a message's content for a file. Put the message first, and then call Later.
func (f *Files) Block(file File) motacilla.RawBlock {
	return motacilla.RawBlock{
		Type: motacilla.ImageBlock, Media: f.media(file), Pending: true, Alt: short.Cut(file.Alt, motacilla.MaxAlt),
		Width: pixels(file.Width), Height: pixels(file.Height),
	}
}

// Stats returns the figures of this node's queue.
func (f *Files) Stats() work.QueueStats { return f.queue.Stats() }

// Later queues the files of a message, whose post is stored, also of a message that was edited. To queue a file again does no harm.
// The receiver must not acknowledge the message before Later has returned without an error.
func (f *Files) Later(ctx context.Context, ch motacilla.ChannelID, messageID string, files ...File) error {
	for _, file := range files {
		job := fileJob{ch, messageID, file}
		// An image may arrive for another message between this one's post and this call. So the post says what it lacks.
		waiting, err := f.waiting(ctx, job)
		if err != nil {
			return fmt.Errorf("look for the place of file %q of message %q: %w", file.ID, messageID, err)
		}
		if !waiting {
			continue
		}
		payload, err := json.Marshal(job)
		if err != nil {
			return err
		}
		if err := f.queue.Add(ctx, f.key(ch, messageID, file), payload); err != nil {
			return fmt.Errorf("queue file %q of message %q: %w", file.ID, messageID, err)
		}
	}
	return nil
}

type fileJob struct {
	Channel motacilla.ChannelID `json:"channel"`
	Message string              `json:"message"`
	File    File                `json:"file"`
}

// key is the job's key. It is a hash, since keys have a limit.
func (f *Files) key(ch motacilla.ChannelID, messageID string, file File) string {
	return short.Digest(string(ch), messageID, file.ID)
}

// media is the ID of the image that a file becomes.
func (f *Files) media(file File) string { return short.Digest(f.ingest.source, file.ID) }

// arrive fetches the file of a job, and puts it into its post.
func (f *Files) arrive(ctx context.Context, job work.Job) error {
	var j fileJob
	if err := json.Unmarshal(job.Payload, &j); err != nil {
		return work.Permanent(err)
	}
	if waiting, err := f.waiting(ctx, j); err != nil || !waiting {
		return err
	}
	id := f.media(j.File)
	if _, err := f.images.Image(ctx, id); errors.Is(err, motacilla.ErrNotFound) {
		if err := f.add(ctx, id, j.File); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return f.show(ctx, j)
}

// show puts an image that has arrived into its post.
func (f *Files) show(ctx context.Context, j fileJob) error {
	id := f.media(j.File)
	return f.settle(ctx, j, func(p *motacilla.Post) {
		for i, b := range p.Content {
			if b.Media == id {
				p.Content[i].Pending = false // the sink fills in the rest
			}
		}
	})
}

func (f *Files) add(ctx context.Context, id string, file File) error {
	body, err := f.fetch(ctx, file)
	if err != nil {
		return err
	}
	defer body.Close()
	read := &reading{Reader: body}
	_, err = f.images.Add(ctx, id, read)
	switch {
	case err != nil && read.err != nil:
		return fmt.Errorf("read file %q: %w", file.ID, errors.Join(read.err, err))
	case errors.Is(err, motacilla.ErrInvalid):
		return work.Permanent(err)
	}
	return err
}

// reading remembers why reading has ended. A half of an image looks like a broken one, but the other half may come next time.
type reading struct {
	io.Reader
	err error
}

func (r *reading) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// waiting reports whether a post still has a place for the image.
func (f *Files) waiting(ctx context.Context, j fileJob) (bool, error) {
	id := f.media(j.File)
	p, err := f.ingest.sink.PostByMessage(ctx, j.Channel, j.Message)
	if errors.Is(err, motacilla.ErrNotFound) || errors.Is(err, motacilla.ErrDeleted) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, b := range p.Content {
		if b.Media == id && b.Pending {
			return true, nil
		}
	}
	return false, nil
}

// giveUp takes the place of an image out of its post.
func (f *Files) giveUp(ctx context.Context, job work.Job, cause error) error {
	var j fileJob
	if json.Unmarshal(job.Payload, &j) != nil {
		return nil //nolint:nilerr // nobody knows to which post it belonged
	}
	id := f.media(j.File)
	_, err := f.images.Image(ctx, id)
	if err == nil {
		return f.show(ctx, j) // it has arrived for another message
	}
	if !errors.Is(err, motacilla.ErrNotFound) {
		return err
	}
	f.log.Warn("an image is left out", zap.String("channel", string(j.Channel)), zap.String("message", j.Message),
		zap.String("file", j.File.ID), zap.Error(cause))
	return f.settle(ctx, j, func(p *motacilla.Post) {
		var kept []motacilla.Block
		for _, b := range p.Content {
			if b.Media != id || !b.Pending {
				kept = append(kept, b)
			}
		}
		if len(kept) == 0 && j.File.Name != "" {
			kept = []motacilla.Block{motacilla.PlainText(short.Cut(j.File.Name, motacilla.MaxID))}
		}
		p.Content = kept
	})
}

// settle edits the post of a job, if there still is one.
func (f *Files) settle(ctx context.Context, j fileJob, edit func(*motacilla.Post)) error {
	p, err := f.ingest.sink.PostByMessage(ctx, j.Channel, j.Message)
	if err == nil {
		_, err = f.ingest.Change(ctx, j.Channel, p.ID, func(p *motacilla.Post) error { edit(p); return nil })
	}
	if errors.Is(err, motacilla.ErrNotFound) || errors.Is(err, motacilla.ErrDeleted) {
		return nil
	}
	return err
}

func pixels(n int) int { return min(max(n, 0), motacilla.MaxPixels) }
