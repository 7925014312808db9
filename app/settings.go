package app

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla/history"
	"github.com/motacilla-live/motacilla/internal/compress"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/media"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap/zapcore"
)

// Settings are the keys that every app has. Registered stores, publishers and receivers add theirs.
type Settings struct {
	Server   ServerSettings   `key:"server"`
	Page     PageSettings     `key:"page"`
	Feed     FeedSettings     `key:"feed"`
	Polling  PollingSettings  `key:"polling"`
	History  HistorySettings  `key:"history"`
	Images   media.Options    `key:"images"`
	Outbound OutboundSettings `key:"outbound"`
	Log      LogSettings      `key:"log"`
}

// ServerSettings are the keys server.*.
type ServerSettings struct {
	Addr       string        `key:"addr" doc:"address to listen on: host:port (:8080 is every address of the machine) or unix:/path"`
	Admin      string        `key:"admin" doc:"address of its own for /metrics, /healthz and /readyz; then /metrics is only there"`
	Pprof      bool          `key:"pprof" doc:"serve Go's profiles at /debug/pprof/ of server.admin"`
	SocketMode string        `key:"socket_mode" doc:"mode of the file of a Unix socket, in quotes"`
	BasePath   string        `key:"base_path" doc:"path below which the server is, such as /news/live; by default the path of public_url"`
	PublicURL  string        `key:"public_url" doc:"URL for readers, such as https://example.org/live; if it is not set, URLs are only paths"`
	Origins    []string      `key:"origins" doc:"sites such as https://www.example.org whose scripts may read; * is any site, without cookies"`
	Token      string        `key:"token" secret:"true" doc:"to write, and to read private channels; by default a new one is kept in a file"`
	Session    time.Duration `key:"session" min:"1m" max:"8760h" doc:"how long people stay signed in"`
	Audit      time.Duration `key:"audit" min:"1h" max:"87600h" doc:"how long the audit log is kept"`

	Compression    []string `key:"compression" doc:"content codings of answers, the best first: br, zstd, gzip; an empty list is none"`
	TrustedProxies []string `key:"trusted_proxies" doc:"proxies whose X-Forwarded-* and Forwarded are believed: addresses, networks, unix"`

	Limits LimitSettings `key:"limits"`
	TLS    TLSSettings   `key:"tls"`
}

// LimitSettings are the keys server.limits.*; 0 is no limit. Readers are streams and parked requests. An address is an
// IPv4 address or an IPv6 /64.
type LimitSettings struct {
	Readers            int `key:"readers" min:"0" max:"1000000000" doc:"readers at a time on this node; 0 is no limit"`
	ReadersPerChannel  int `key:"readers_per_channel" min:"0" max:"1000000000" doc:"readers at a time on one channel; 0 is no limit"`
	ReadersPerAddress  int `key:"readers_per_address" min:"0" max:"1000000000" doc:"readers at a time from one address; 0 is no limit"`
	RequestsPerAddress int `key:"requests_per_address" min:"0" max:"1000000000" doc:"requests per second from one address; 0 is no limit"`

	Overflow string `key:"overflow" choices:"refuse,polling" doc:"whether readers beyond readers and readers_per_channel are refused, or poll"`
}

// instead returns the transport that readers beyond a limit are told to use, or nothing.
func (s *LimitSettings) instead() string {
	if s.Overflow == overflowPolling {
		return "interval-polling"
	}
	return ""
}

// The choices of server.limits.overflow.
const (
	overflowRefuse  = "refuse"
	overflowPolling = "polling"
)

// PageSettings are the keys page.*.
type PageSettings struct {
	Name     string `key:"name" min:"1" max:"200" doc:"name of the site, shown on every page"`
	Size     int    `key:"size" min:"1" max:"500" doc:"number of newest posts on a page; older pinned posts come in addition"`
	Channels bool   `key:"channels" doc:"whether there is a page for each channel; without it, an app has pages of its own"`
	Index    bool   `key:"index" doc:"whether there is a list of the channels at /; without it, an app may have a page of its own there"`
	Home     string `key:"home" doc:"path or URL to which the name of the site leads; by default the index, or / if there is none"`

	Templates        string   `key:"templates" doc:"folder of your own templates; each file replaces the template of its name (docs/look.md)"`
	Styles           string   `key:"styles" doc:"style sheet that is loaded after the page's own"`
	Language         string   `key:"language" min:"1" doc:"language of the site, as a BCP 47 tag such as de or pt-BR"`
	ChannelLanguages []string `key:"channel_languages" doc:"languages of other channels, such as wahl-*=de; the first match counts"`
	Languages        string   `key:"languages" doc:"folder with files of more languages, or of other words"`
	TimeZone         string   `key:"time_zone" min:"1" doc:"time zone of times in pages without JavaScript, such as Europe/Berlin"`
	Reload           bool     `key:"reload" doc:"read templates, styles and languages again for each page, while you develop them"`
}

// FeedSettings are the keys feed.*.
type FeedSettings struct {
	Heartbeat time.Duration `key:"heartbeat" min:"1s" doc:"time without an update after which a stream sends a heartbeat"`
	Stall     time.Duration `key:"stall" min:"1s" doc:"time after which a reader that takes nothing is closed"`
}

// PollingSettings are the keys polling.*.
type PollingSettings struct {
	Window int `key:"window" min:"1" max:"10000" doc:"number of newest posts that Wagtail Live's client gets"`
}

// HistorySettings are the keys history.*, of the versions of posts.
type HistorySettings struct {
	Keep     time.Duration `key:"keep" min:"0" max:"87600h" doc:"how long a version is kept after it was replaced or removed; 0 keeps none"`
	Versions int           `key:"versions" min:"0" max:"10000" doc:"about how many versions of a post are kept; 0 keeps none"`
}

// OutboundSettings are the keys outbound.*, of the client that calls addresses from outside, such as a link in a post.
type OutboundSettings struct {
	Allow []string `key:"allow" doc:"private networks that may be called, such as 10.1.2.0/24; by default only public addresses are"`
}

// networks returns Allow, and reports whether all of it are networks.
func (s OutboundSettings) networks() (list []netip.Prefix, ok bool) {
	for _, text := range s.Allow {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, false
		}
		list = append(list, p)
	}
	return list, true
}

// LogSettings are the keys log.*.
type LogSettings struct {
	Level  string `key:"level" choices:"debug,info,warn,error" doc:"lowest level that is logged"`
	Format string `key:"format" choices:"console,json" doc:"form of the log's lines"`
}

func defaults() Settings {
	return Settings{
		Server: ServerSettings{
			Addr: "127.0.0.1:8080", SocketMode: "0660", Compression: []string{"br", "zstd", "gzip"}, TLS: defaultTLS(),
			Session: 30 * 24 * time.Hour, Audit: 90 * 24 * time.Hour,
			Limits: LimitSettings{Overflow: overflowRefuse},
		},
		Page:    PageSettings{Name: "Motacilla", Size: 50, Channels: true, Index: true, Language: "en", TimeZone: "UTC"},
		Feed:    FeedSettings{Heartbeat: 15 * time.Second, Stall: 15 * time.Second},
		Polling: PollingSettings{Window: 500},
		History: HistorySettings{Keep: history.DefaultKeep, Versions: history.DefaultVersions},
		Images:  *media.DefaultOptions(),
		Log:     LogSettings{Level: "info", Format: "console"},
	}
}

// validate returns what is wrong with values that have the right type and are within their bounds. Each error begins with
// its key.
func (s *Settings) validate() error {
	var errs []error
	check := func(ok bool, key, expected string) {
		if !ok {
			errs = append(errs, fmt.Errorf("%s: must be %s", key, expected))
		}
	}
	errs = append(errs, s.Server.validateAddresses())
	s.validatePlace(check)
	errs = append(errs, s.Server.validateTLS())
	for _, o := range s.Server.Origins {
		check(o == "*" || isOrigin(o), "server.origins", "schemes and hosts, such as https://www.example.org, or *")
	}
	check(compress.Valid(s.Server.Compression), "server.compression", "a list of br, zstd and gzip, each once at most")
	if _, err := route.ParseProxies(s.Server.TrustedProxies); err != nil {
		errs = append(errs, fmt.Errorf("server.trusted_proxies: %w", err))
	}
	for _, pair := range s.Page.ChannelLanguages {
		pattern, tag, _ := strings.Cut(pair, "=")
		_, err := path.Match(pattern, "")
		check(err == nil && pattern != "" && tag != "", "page.channel_languages", "PATTERN=TAG, such as wahl-*=de")
	}
	_, networks := s.Outbound.networks()
	check(networks, "outbound.allow", "networks, such as 10.1.2.0/24 or fd00::/8")
	_, err := time.LoadLocation(s.Page.TimeZone)
	check(err == nil, "page.time_zone", "the name of a time zone, such as Europe/Berlin or UTC")
	visible := !strings.ContainsFunc(s.Server.Token, func(c rune) bool { return c <= ' ' || c > '~' })
	check(visible, "server.token", "printable ASCII without spaces")
	return errors.Join(errs...)
}

// validatePlace checks where the server is for readers.
func (s *Settings) validatePlace(check func(ok bool, key, expected string)) {
	base := s.Server.BasePath
	check(route.CheckBase(base) == nil, "server.base_path", "a path without a slash at its end, such as /news/live")
	if s.Server.PublicURL != "" {
		path, err := live.CheckPublicURL(s.Server.PublicURL)
		check(err == nil, "server.public_url", "an http or https URL without a query, such as https://example.org/news/live")
		check(err != nil || base == "" || path == base, "server.public_url", "a URL that ends in server.base_path, "+base)
	}
	home, err := url.Parse(s.Page.Home)
	check(s.Page.Home == "" || err == nil && (isOrigin(home.Scheme+"://"+home.Host) || strings.HasPrefix(home.Path, "/") && home.Host == ""),
		"page.home", "a path that begins with a slash, or an http or https URL")
}

func (s *LogSettings) level() zapcore.Level {
	level, err := zapcore.ParseLevel(s.Level)
	if err != nil { // validate has checked it
		return zapcore.InfoLevel
	}
	return level
}

func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && s == u.Scheme+"://"+u.Host
}
