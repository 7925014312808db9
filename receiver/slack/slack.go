// Package slack is the receiver for Slack. What people write in a Slack channel becomes posts: text with its marks, lists, links
// and mentions, and images. Edits and removals in Slack change and remove the posts.
//
// # Source
//
// Slack calls /hooks/slack (its Events API), and signs each request with the app's signing secret. Or the receiver connects to
// Slack (Socket Mode), with an app-level token, if the server can't be reached from outside.
//
// # Repeats
//
// A post is stored before Slack gets its answer. An event that was stored is known by its event_id for a day. The message ID of a
// post is the Slack channel and the message's ts, and its version is the time of the newest event about the message. So an event that
// comes twice, late or in another order does no harm.
//
// # Options
//
// See [Options]. docs/slack.md shows how to make an app in Slack, with all that it needs.
//
// # Limits
//
// A request has at most 1 MiB. A message becomes at most 970 blocks of text and 30 images; if its text has more lines or more
// than 60 KiB, it loses its marks, and what is too long is cut. Slack gets its answer within 2.5 s, or a 503, and sends the event
// again.
package slack

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/work"
	"github.com/slack-go/slack"
	"go.uber.org/zap"
)

// Name is the receiver's name in the configuration, and the Source of its posts.
const Name = "slack"

// Options are the receiver's settings.
type Options struct {
	Name          string   `key:"name" doc:"one of several Slack apps, such as sport: its events come to /hooks/slack/sport"`
	BotToken      string   `key:"bot_token" secret:"true" required:"true" doc:"the app's bot token, which begins with xoxb-"`
	SigningSecret string   `key:"signing_secret" secret:"true" doc:"the app's signing secret"`
	OldSecret     string   `key:"old_signing_secret" secret:"true" doc:"the signing secret before it was changed; it is still taken"`
	AppToken      string   `key:"app_token" secret:"true" doc:"an app-level token, which begins with xapp-: turns Socket Mode on"`
	Channels      []string `key:"channels" doc:"SLACK=CHANNEL, such as C024BE91L=match-42 or #news=match-42; default: the same ID"`
	Threads       string   `key:"threads" choices:"none,broadcast,all" doc:"replies that become posts; broadcast: also sent to the channel"`
	Bots          bool     `key:"bots" doc:"messages of apps and workflows become posts too"`
	Authors       bool     `key:"authors" doc:"posts show who wrote the message"`
	FileNames     bool     `key:"file_names" doc:"posts show the names of files that are no images"`
	PinEmoji      string   `key:"pin_emoji" doc:"a reaction with this emoji, such as pushpin, pins the post"`
	KeyEmoji      string   `key:"key_emoji" doc:"a reaction with this emoji, such as star, marks the post as a key event"`
	HideEmoji     string   `key:"hide_emoji" doc:"a reaction with this emoji, such as see_no_evil, hides the post"`
	Editors       []string `key:"editors" doc:"IDs of the users whose reactions count, such as U024BE7LH; by default everybody's"`
	Check         bool     `key:"check" doc:"asks Slack at the start whether the bot token is right"`
	APIURL        string   `key:"api_url" doc:"Slack's Web API; https://slack-gov.com/api/ for GovSlack"`
}

// Defaults returns the options that the configuration begins with.
func Defaults() *Options {
	return &Options{Threads: "broadcast", Authors: true, Check: true, APIURL: slack.APIURL}
}

// Receiver takes messages from Slack.
type Receiver struct {
	o        Options
	source   string // of its posts, and the name in metrics: slack, or slack-sport
	ingest   *receiver.Ingest
	channels receiver.Channels
	files    *receiver.Files
	seen     *work.Seen
	names    *names
	controls *controls
	api      *slack.Client
	download *download
	socket   *socket // nil without Socket Mode
	metrics  *receiver.Metrics
	room     *receiver.Room
	strange  met // Slack channels that feed no channel
	times    times
	log      *zap.Logger
}

var (
	_ receiver.Receiver = (*Receiver)(nil)
	_ receiver.Starter  = (*Receiver)(nil)
	_ receiver.Stopper  = (*Receiver)(nil)
	_ receiver.Sourced  = (*Receiver)(nil)
)

// seenTTL is how long an event is known. Slack sends one again for about an hour, or for a day if the app wants that.
const seenTTL = 25 * time.Hour

var instance = regexp.MustCompile(`^[a-z0-9-]{1,30}$`)

// New returns a receiver. o must have a BotToken, and a SigningSecret or an AppToken. The error is an ErrInvalid that names the
// field. log may be nil.
func New(kit *receiver.Kit, o *Options, log *zap.Logger) (*Receiver, error) {
	if log == nil {
		log = zap.NewNop()
	}
	r := &Receiver{o: *o, source: Name, metrics: kit.Metrics, room: kit.Room, times: times{answerTime, nameBudget}, log: log}
	if r.o.APIURL == "" {
		r.o.APIURL = slack.APIURL
	}
	if err := r.o.validate(); err != nil {
		return nil, err
	}
	if r.o.Name != "" {
		r.source += "-" + r.o.Name
		log = log.With(zap.String("source", r.source))
		r.log = log
	}
	var err error
	if r.channels, err = receiver.ParseChannels(r.o.Channels); err != nil {
		return nil, err
	}
	if !strings.HasSuffix(r.o.APIURL, "/") {
		r.o.APIURL += "/"
	}
	r.api = slack.New(r.o.BotToken, slack.OptionHTTPClient(kit.Client), slack.OptionAPIURL(r.o.APIURL),
		slack.OptionAppLevelToken(r.o.AppToken))
	r.ingest = receiver.NewIngest(kit.Sink, r.source, nil)
	r.names = newNames(r.api, kit.Records, r.source, log)
	r.download = newDownload(kit.Client, &r.o)
	r.files = receiver.NewFiles(r.ingest, kit, r.download.fetch, log)
	r.seen = work.NewSeen(kit.Records, r.source, seenTTL)
	r.controls = newControls(r.ingest, kit, &r.o, r.source)
	if r.o.AppToken != "" {
		r.socket = newSocket(r.api, r.deliver, func(result string) { r.metrics.Count(r.source, result) }, log)
	}
	return r, nil
}

func (o *Options) validate() error {
	u, err := url.Parse(o.APIURL)
	switch {
	case !strings.HasPrefix(o.BotToken, "xoxb-"):
		return motacilla.Invalid("bot_token", "must be the app's bot token, which begins with xoxb-")
	case o.SigningSecret == "" && o.AppToken == "":
		return motacilla.Invalid("signing_secret", "must be the app's signing secret, or app_token must be set for Socket Mode")
	case o.SigningSecret == "" && o.OldSecret != "":
		return motacilla.Invalid("signing_secret", "must be set if old_signing_secret is")
	case o.AppToken != "" && !strings.HasPrefix(o.AppToken, "xapp-"):
		return motacilla.Invalid("app_token", "must be an app-level token, which begins with xapp-")
	case o.Name != "" && !instance.MatchString(o.Name):
		return motacilla.Invalid("name", "must be 1 to 30 of a-z, 0-9 and -")
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "":
		return motacilla.Invalid("api_url", "must be a URL such as %s", slack.APIURL)
	}
	switch o.Threads {
	case "", "none", "broadcast", "all":
	default:
		return motacilla.Invalid("threads", `must be "none", "broadcast" or "all"`)
	}
	return nil
}

// Source implements receiver.Sourced.
func (r *Receiver) Source() string { return r.source }

// URLs returns the route slack, if there is a signing secret. It has POST alone.
func (r *Receiver) URLs() []route.Route {
	if r.o.SigningSecret == "" {
		return nil
	}
	secrets := []string{r.o.SigningSecret}
	if r.o.OldSecret != "" {
		secrets = append(secrets, r.o.OldSecret)
	}
	pattern := "/hooks/slack"
	if r.o.Name != "" {
		pattern += "/" + r.o.Name
	}
	return []route.Route{{Name: r.source, Pattern: pattern, Handler: &receiver.Hook{
		Receiver: r.source, Verify: signatures(secrets), Metrics: r.metrics, Room: r.room, Logger: r.log,
		Handle: func(ctx context.Context, d receiver.Request) (receiver.Answer, error) { return r.deliver(ctx, d.Body) },
	}}}
}

// Start asks Slack whether the bot token is right, if Check is set, and begins to fetch files and to receive. If Slack refuses the
// token, the error is an ErrInvalid. If it does not answer, that is only logged.
func (r *Receiver) Start(ctx context.Context) error {
	if err := r.check(ctx); err != nil {
		return err
	}
	if err := r.files.Start(ctx); err != nil {
		return err
	}
	if r.socket != nil {
		r.socket.start()
	}
	return nil
}

// Shutdown ends receiving and fetching. Another node, or this one after its next start, goes on.
func (r *Receiver) Shutdown(ctx context.Context) error {
	var err error
	if r.socket != nil {
		err = r.socket.shutdown(ctx)
	}
	return errors.Join(err, r.files.Shutdown(ctx))
}

const checkTimeout = 5 * time.Second

func (r *Receiver) check(ctx context.Context) error {
	if !r.o.Check {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	answer, err := r.api.AuthTestContext(ctx)
	switch {
	case refused(err):
		return motacilla.Invalid("bot_token", "is refused by Slack: %v", err)
	case err != nil:
		r.log.Warn("Slack does not answer, so the bot token was not checked", zap.Error(err))
		return nil
	}
	r.log.Info("Slack knows the bot token", zap.String("team", answer.Team), zap.String("user", answer.User))
	if lacking := r.lacking(answer.Header); len(lacking) > 0 {
		r.log.Warn("the bot token lacks scopes", zap.Strings("scopes", lacking))
	}
	return nil
}

// refused reports whether Slack does not take a token, and never will.
func refused(err error) bool {
	var answer slack.SlackErrorResponse
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.Err {
	case "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type", "no_permission":
		return true
	}
	return false
}

// lacking returns the scopes that the options need and the token does not have. Slack lists those that it has in a header.
func (r *Receiver) lacking(h http.Header) (scopes []string) {
	list := h.Get("X-OAuth-Scopes")
	if list == "" {
		return nil
	}
	has := map[string]bool{}
	for s := range strings.SplitSeq(list, ",") {
		has[strings.TrimSpace(s)] = true
	}
	needed := []string{"users:read", "files:read"}
	if r.byName() {
		needed = append(needed, "channels:read")
	}
	if r.controls.on() {
		needed = append(needed, "reactions:read")
	}
	for _, s := range needed {
		if !has[s] {
			scopes = append(scopes, s)
		}
	}
	if !has["channels:history"] && !has["groups:history"] {
		scopes = append(scopes, "channels:history")
	}
	return scopes
}
