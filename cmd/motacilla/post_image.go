package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/spf13/cobra"
)

// images are the flags --image and --alt of a command.
type images struct{ files, alts []string }

func imageFlags(cmd *cobra.Command) *images {
	i := &images{}
	cmd.Flags().StringArrayVar(&i.files, "image", nil, "`FILE` of an image, shown below the text; may be given several times")
	cmd.Flags().StringArrayVar(&i.alts, "alt", nil,
		"alternative `TEXT` of the image, for readers who can't see it: one for each --image, in the same order")
	must(cmd.MarkFlagFilename("image", "jpg", "jpeg", "png", "gif", "webp"))
	return i
}

// complete makes sure that each image has an alternative text. On a terminal it asks for those that are missing.
func (i *images) complete(cmd *cobra.Command) error {
	if len(i.alts) > len(i.files) {
		return misused(fmt.Errorf("there are %d --alt for %d --image", len(i.alts), len(i.files)))
	}
	if len(i.alts) < len(i.files) && !isTerminal(cmd.InOrStdin()) {
		return misused(fmt.Errorf("%s has no alternative text: describe it with --alt, once for each --image; "+
			"--alt \"\" is for an image that says nothing", i.files[len(i.alts)]))
	}
	answers := bufio.NewReader(cmd.InOrStdin())
	for _, file := range i.files[len(i.alts):] {
		fmt.Fprintf(cmd.ErrOrStderr(), "Describe %s for readers who can't see it: ", oneLine(filepath.Base(file)))
		answer, err := answers.ReadString('\n')
		if err != nil {
			fmt.Fprintln(cmd.ErrOrStderr())
			return errors.New("nothing was posted")
		}
		i.alts = append(i.alts, strings.TrimSpace(answer))
	}
	return nil
}

// upload uploads the images, and returns their blocks. message is the ID of the message that they are for, or "".
func (i *images) upload(cmd *cobra.Command, c *client.Client, r *remote, message string) ([]motacilla.RawBlock, error) {
	var open []*os.File
	defer func() {
		for _, f := range open {
			_ = f.Close()
		}
	}()
	for _, name := range i.files { // nothing is uploaded if one of them is missing
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("add image: %w", err)
		}
		open = append(open, f)
		if info, err := f.Stat(); err != nil || info.IsDir() {
			return nil, fmt.Errorf("add image: %s is no file", name)
		}
	}
	var blocks []motacilla.RawBlock
	for n, f := range open {
		image, err := i.uploadOne(cmd.Context(), c, f, i.alts[n], message, cmd.ErrOrStderr())
		if err != nil {
			return nil, fmt.Errorf("add image %s: %w", f.Name(), r.tell(err))
		}
		blocks = append(blocks, image.Block)
	}
	return blocks, nil
}

func (i *images) uploadOne(
	ctx context.Context, c *client.Client, f *os.File, alt, message string, stderr io.Writer,
) (client.Image, error) {
	o := &client.UploadOptions{Name: filepath.Base(f.Name()), Alt: alt}
	if message != "" {
		var err error
		if o.Key, err = keyOf(f, message); err != nil {
			return client.Image{}, err
		}
	}
	bar := newBar(stderr, o.Name)
	defer bar.end()
	o.Progress = bar.show
	return c.UploadImage(ctx, f, o)
}

// keyOf returns the key of an image for a message. The command may be given again: then the image is kept once.
func keyOf(f *os.File, message string) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%d %s", len(message), message)
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// contentOf returns the blocks that the server would make of a text.
func contentOf(text string) ([]motacilla.RawBlock, error) {
	if text == "" {
		return nil, nil
	}
	made, err := receiver.NewIngest(nil, "", nil).Content(text, nil)
	if err != nil {
		return nil, err
	}
	var blocks []motacilla.RawBlock
	for _, b := range made {
		blocks = append(blocks, motacilla.RawBlock{Type: b.Type, Text: b.Text.String(), URL: b.URL})
	}
	return blocks, nil
}
