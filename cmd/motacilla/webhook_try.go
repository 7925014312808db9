package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"os"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/cmd/motacilla/internal/table"
	"github.com/motacilla-live/motacilla/receiver/webhook"
	"github.com/spf13/cobra"
)

// largestTried is the largest document that is tried, in bytes: the largest that max_body permits.
const largestTried = 8 << 20

// trial is what the flags of "webhook try" say.
type trial struct {
	preset, name, mapping, channel string
	headers                        []string
}

func webhookTry() *cobra.Command {
	var t trial
	cmd := &cobra.Command{
		Use:   "try FILE",
		Short: "Show what a document would become",
		Long: `Show what the JSON document in FILE would become: each part of it with its channel, its message, its author, its flags
and its HTML as it would be stored, or why nothing would be written. FILE - is the standard input. Signatures are not
checked, and nothing is written.

The mapping is that of the receiver with --name in the configuration, a preset, or a file with the options of one entry of
receivers. Without these flags it is that of the only webhook in the configuration.`,
		Example: `  motacilla webhook try release.json --preset github-releases --channel news
  motacilla webhook try alert.json --name alerts --config /etc/motacilla.yaml
  motacilla webhook try score.json --mapping mapping.yaml --header "X-Kind: score"
  curl -s https://example.org/score.json | motacilla webhook try - --preset scoreboard`,
		Args: arguments,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return []string{"json"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	cmd.Flags().StringVar(&t.preset, "preset", "", "`PRESET` whose mapping is tried")
	cmd.Flags().StringVar(&t.name, "name", "", "`NAME` of a webhook in the configuration")
	cmd.Flags().StringVar(&t.mapping, "mapping", "", "YAML `FILE` with the options of an entry of receivers")
	cmd.Flags().StringVar(&t.channel, "channel", "", "`CHANNEL` of the posts, in the place of what the mapping says")
	cmd.Flags().StringArrayVar(&t.headers, "header", nil, "`HEADER` of the delivery, such as \"X-Kind: score\"; may be repeated")
	cmd.MarkFlagsMutuallyExclusive("preset", "name", "mapping")
	must(cmd.RegisterFlagCompletionFunc("preset", words(presetNames()...)))
	must(cmd.MarkFlagFilename("mapping", "yaml", "yml"))
	keys := configured(cmd)
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		h, err := t.header()
		if err != nil {
			return err
		}
		m, err := t.find(keys)
		if err != nil {
			return err
		}
		body, err := readTried(cmd.InOrStdin(), args[0])
		if err != nil {
			return err
		}
		if name, kinds := m.Events(); len(kinds) > 0 && h.Get(name) == "" {
			h.Set(name, kinds[0])
			fmt.Fprintf(cmd.ErrOrStderr(), "The header %s: %s is assumed; --header gives another.\n", name, kinds[0])
		}
		posts, err := m.Map(cmd.Context(), h, body)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		return printTried(cmd, posts)
	})
	return cmd
}

func (t *trial) header() (http.Header, error) {
	h := http.Header{}
	for _, line := range t.headers {
		name, value, ok := strings.Cut(line, ":")
		if name = textproto.TrimString(name); !ok || name == "" {
			return nil, misused(fmt.Errorf("--header %q: must be NAME: VALUE", line))
		}
		h.Add(name, textproto.TrimString(value))
	}
	return h, nil
}

// find returns the mapping that the flags choose.
func (t *trial) find(keys func() (app.Input, error)) (*webhook.Mapping, error) {
	if t.channel != "" {
		if err := checkChannel(t.channel); err != nil {
			return nil, misused(fmt.Errorf("--channel: %w", err))
		}
	}
	switch {
	case t.preset != "":
		if _, err := webhook.FindPreset(t.preset); err != nil {
			return nil, misused(err)
		}
		return t.made("--preset "+t.preset, &webhook.Options{Preset: t.preset})
	case t.mapping != "":
		text, err := os.ReadFile(t.mapping)
		if err != nil {
			return nil, err
		}
		o, err := webhook.ReadOptions(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.mapping, err)
		}
		return t.made(t.mapping, o)
	}
	return t.configured(keys)
}

func (t *trial) made(from string, o *webhook.Options) (*webhook.Mapping, error) {
	if t.channel != "" {
		own := *o
		own.Channel = t.channel
		o = &own
	}
	m, err := webhook.NewMapping(o)
	var field *motacilla.FieldError
	switch {
	case errors.As(err, &field) && field.Field == "channel" && o.Channel == "":
		return nil, misused(fmt.Errorf("%s: no channel is set; give one with --channel", from))
	case err != nil:
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	return m, nil
}

// configured returns the mapping of a webhook in the configuration.
func (t *trial) configured(keys func() (app.Input, error)) (*webhook.Mapping, error) {
	in, err := keys()
	if err != nil {
		return nil, err
	}
	c, err := load(in)
	if err != nil {
		return nil, err
	}
	var found []*webhook.Mapping
	var names []string
	for i, r := range c.Receivers {
		o, ok := r.Options.(*webhook.Options)
		if !ok {
			continue
		}
		m, err := t.made(fmt.Sprintf("receivers[%d]", i), o)
		if err != nil {
			return nil, err
		}
		names = append(names, m.Name())
		if t.name == "" || t.name == m.Name() {
			found = append(found, m)
		}
	}
	switch {
	case len(names) == 0:
		return nil, misused(errors.New("the configuration has no webhook; give --preset, --mapping or --config"))
	case len(found) == 0:
		return nil, misused(fmt.Errorf("the configuration has no webhook %q; there are: %s", t.name, strings.Join(names, ", ")))
	case len(found) > 1:
		return nil, misused(fmt.Errorf("the configuration has several webhooks: %s; choose one with --name", strings.Join(names, ", ")))
	}
	return found[0], nil
}

func readTried(stdin io.Reader, name string) ([]byte, error) {
	from := io.NopCloser(stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		from = f
	}
	defer from.Close()
	body, err := io.ReadAll(io.LimitReader(from, largestTried+1))
	if err == nil && len(body) > largestTried {
		err = fmt.Errorf("%s: has more than %d bytes", name, largestTried)
	}
	return body, err
}

// triedImage is an image that would be fetched.
type triedImage struct {
	URL string `json:"url"`
	Alt string `json:"alt"`
}

// triedPost is a part of a document in JSON.
type triedPost struct {
	Part      string            `json:"part"`
	Ignored   *string           `json:"ignored"`
	Channel   string            `json:"channel"`
	MessageID string            `json:"message_id"`
	Version   int64             `json:"version"`
	Remove    bool              `json:"remove"`
	Author    string            `json:"author"`
	Created   *string           `json:"created"`
	Show      bool              `json:"show"`
	Pinned    bool              `json:"pinned"`
	KeyEvent  bool              `json:"key_event"`
	Content   []motacilla.Block `json:"content"`
	Images    []triedImage      `json:"images"`
}

func printTried(cmd *cobra.Command, posts []webhook.Post) error {
	list := []triedPost{}
	t := &table.Table{Columns: []table.Column{
		{Title: "PART", Flexible: true}, {Title: "CHANNEL"}, {Title: "MESSAGE", Flexible: true}, {Title: "AUTHOR", Flexible: true},
		{Title: "FLAGS", Flexible: true}, {Title: "HTML", Flexible: true},
	}}
	for _, p := range posts {
		one := triedPost{Part: p.Part, Content: []motacilla.Block{}, Images: []triedImage{}}
		if p.Ignored != "" {
			one.Ignored = &p.Ignored
			list = append(list, one)
			t.Add(p.Part, "", "", "", "ignored", p.Ignored)
			continue
		}
		one.Channel, one.MessageID, one.Version, one.Remove = string(p.Channel), p.Message.ID, p.Message.Version, p.Remove
		one.Author, one.Show, one.Pinned, one.KeyEvent = p.Message.Author, !p.Message.Hidden, p.Message.Pinned, p.Message.KeyEvent
		if !p.Message.Created.IsZero() {
			at := p.Message.Created.UTC().Format("2006-01-02T15:04:05.999999Z07:00")
			one.Created = &at
		}
		var html []string
		for _, b := range p.Content {
			one.Content = append(one.Content, b)
			html = append(html, b.Text.String())
		}
		for _, f := range p.Images {
			one.Images = append(one.Images, triedImage{f.Ref, f.Alt})
			html = append(html, "[image "+f.Ref+"]")
		}
		list = append(list, one)
		t.Add(p.Part, one.Channel, one.MessageID, one.Author, triedFlags(p), strings.Join(html, " "))
	}
	if asJSON(cmd) {
		return printValue(cmd.OutOrStdout(), map[string][]triedPost{"posts": list})
	}
	return printTable(cmd.OutOrStdout(), t)
}

func triedFlags(p webhook.Post) string {
	var flags []string
	for _, f := range []struct {
		on   bool
		name string
	}{
		{p.Remove, "removed"}, {p.Message.Hidden, "hidden"}, {p.Message.Pinned, "pinned"}, {p.Message.KeyEvent, "key event"},
	} {
		if f.on {
			flags = append(flags, f.name)
		}
	}
	return strings.Join(flags, ", ")
}
