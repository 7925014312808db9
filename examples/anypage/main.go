// Command anypage is a newspaper's site. It has another origin than the live server, and a strict Content-Security-Policy.
// It shows a channel of the live server with the custom element. It also puts the posts of the channel into its HTML, so that
// readers without scripts see them.
//
//	MOTACILLA_SERVER_ORIGINS=http://127.0.0.1:8090 motacilla demo
//	go run ./examples/anypage
package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"time"

	"golang.org/x/net/html"
)

//go:embed index.html site.css
var files embed.FS

var index = template.Must(template.ParseFS(files, "index.html"))

func main() {
	addr := flag.String("addr", "127.0.0.1:8090", "where this site listens")
	live := flag.String("live", "http://127.0.0.1:8080", "the URL of the live server, which must allow this site's origin")
	channel := flag.String("channel", "demo", "the channel to show")
	flag.Parse()
	server, err := url.Parse(*live)
	if err != nil || server.Host == "" {
		log.Fatalf("-live must be a URL such as https://live.example.org, not %q", *live)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	s := &http.Server{Addr: *addr, Handler: site(server, *channel), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = s.Close()
	}()
	log.Printf("http://%s shows %s of %s", *addr, *channel, *live)
	if err := s.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Print(err)
	}
}

// site serves the newspaper's page and its style sheet.
func site(live *url.URL, channel string) http.Handler {
	ws := *live
	ws.Scheme = strings.Replace(live.Scheme, "http", "ws", 1)
	origin, socket := live.Scheme+"://"+live.Host, ws.Scheme+"://"+live.Host
	policy := "default-src 'none'; script-src " + origin + "; connect-src " + origin + " " + socket +
		"; style-src 'self'; img-src 'self' https: data: " + origin +
		"; require-trusted-types-for 'script'; trusted-types motacilla; base-uri 'none'; form-action 'none'"
	mux := http.NewServeMux()
	mux.Handle("GET /site.css", http.FileServerFS(files))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		posts, err := rendered(r.Context(), live, channel)
		if err != nil { // the element loads the posts by itself
			log.Print(err)
		}
		var page bytes.Buffer
		err = index.Execute(&page, map[string]any{
			"Live": strings.TrimSuffix(live.String(), "/"), "Channel": channel, "Posts": posts,
		})
		if err != nil {
			http.Error(w, "the page can't be shown", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(page.Bytes())
	})
	return mux
}

// rendered returns the element #live-posts of the live server's page. It contains its revision, from which the custom
// element continues.
func rendered(ctx context.Context, live *url.URL, channel string) (template.HTML, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, live.JoinPath("channels", channel).String(), nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the posts of %s: %s", channel, answer.Status)
	}
	page, err := html.Parse(io.LimitReader(answer.Body, 4<<20))
	if err != nil {
		return "", err
	}
	for node := range page.Descendants() {
		for _, a := range node.Attr {
			if a.Key == "id" && a.Val == "live-posts" {
				var out bytes.Buffer
				err := html.Render(&out, node)
				return template.HTML(out.String()), err //nolint:gosec // the live server has sanitised it
			}
		}
	}
	return "", fmt.Errorf("the page of %s has no list of posts", channel)
}
