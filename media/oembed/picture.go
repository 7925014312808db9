package oembed

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/motacilla-live/motacilla/outbound"
	"go.uber.org/zap"
)

// picture keeps the picture of a card, if it can be had. A card without its picture is better than none, so only an error of
// the app's own is one.
func (e *Embeds) picture(ctx context.Context, address string, found *entry) error {
	if address == "" || e.images == nil {
		return nil
	}
	id := "card-" + short.Digest(address)
	image, err := e.images.Image(ctx, id)
	if errors.Is(err, motacilla.ErrNotFound) {
		image, err = e.fetch(ctx, id, address)
	}
	if err != nil {
		if errors.Is(err, motacilla.ErrUnavailable) {
			return err
		}
		e.log.Info("the picture of a card is left out", zap.Error(err))
		return nil
	}
	found.Image, found.Card.Picture = id, ofWidth(image, cardWidth)
	if found.Card.Picture == "" {
		found.Image = ""
	}
	return nil
}

func (e *Embeds) fetch(ctx context.Context, id, address string) (motacilla.Block, error) {
	u, err := outbound.CheckURL(address)
	if err != nil {
		return motacilla.Block{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return motacilla.Block{}, outbound.ErrRefused
	}
	r.Header.Set("Accept", "image/*")
	answer, err := e.client.Do(r)
	if err != nil {
		return motacilla.Block{}, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return motacilla.Block{}, &outbound.StatusError{Host: u.Hostname(), Status: answer.StatusCode}
	}
	return e.images.Add(ctx, id, answer.Body)
}

// cardWidth is the least width of a card's picture, in pixels, if there is one of several sizes.
const cardWidth = 800

// ofWidth returns the URL of the smallest size of an image that is at least so wide, or of the whole image.
func ofWidth(image motacilla.Block, width int) string {
	best, least := image.URL, 0
	for candidate := range strings.SplitSeq(image.Srcset, ",") {
		link, size, _ := strings.Cut(strings.TrimSpace(candidate), " ")
		n, err := strconv.Atoi(strings.TrimSuffix(size, "w"))
		if err == nil && n >= width && (least == 0 || n < least) {
			best, least = link, n
		}
	}
	return best
}
