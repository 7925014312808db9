package main

// players are the providers whose players are shown in frames unless the app allows more. They are well known and well kept.
// The public list takes whoever asks, and a domain of it that lapses could show anything.
var players = []string{
	"Acast", "Apple Podcasts", "ArcGIS StoryMaps", "Audioboom", "Audiomack", "Audiomeans", "Behance", "Bluesky Social", "Brightcove",
	"bunny.net", "Canva", "Clyp", "CodePen", "CodeSandbox", "Coub", "Dailymotion", "Datawrapper", "Deviantart.com", "Digiteka",
	"DocDroid", "DocumentCloud", "everviz", "Facebook", "Figma", "Flat", "Flickr", "Flourish", "Framatube", "Getty Images", "GIPHY",
	"hearthis.at", "iHeartRadio", "Infogram", "Instagram", "Issuu", "Kickstarter", "Loom", "LottieFiles", "Microsoft Stream", "Miro",
	"MixCloud", "Nasjonalbiblioteket", "NDLA - Norwegian Digital Learning Arena", "Nebula", "nfb.ca", "Observable",
	"Odesli (formerly Songlink)", "Omny Studio", "Padlet", "PeerTube.TV", "Pinpoll", "Pinterest", "Podbean", "Poll Daddy",
	"Prezi Video", "Reddit", "Replit", "ReverbNation", "Saooti", "Screen9", "ScribbleMaps", "Scribd", "Simplecast", "Sketchfab",
	"SlideShare", "SmugMug", "SoundCloud", "SpeakerDeck", "Spotify", "Spreaker", "SproutVideo", "Streamable", "Sway", "Sway Office",
	"TED", "The New York Times", "TikTok", "Tumblr", "Twitter", "Ustream", "VEVO", "Vidyard", "Vimeo", "Viously", "Wistia, Inc.",
	"Wolfram Cloud", "WordPress.com", "X", "YouTube", "YUMPU",
}

// extraSchemes are addresses that a provider takes and the public list lacks.
var extraSchemes = map[string][]string{
	"Dailymotion": {"https://dai.ly/*"},
	"Reddit":      {"https://*.reddit.com/r/*/comments/*"},
	"YouTube":     {"https://*.youtube-nocookie.com/embed/*"},
}

// extraHosts are hosts of a provider's players and scripts that are not hosts of its pages.
var extraHosts = map[string][]string{
	"Acast":          {"embed.acast.com"},
	"Bluesky Social": {"embed.bsky.app"},
	"Facebook":       {"connect.facebook.net"},
	"Flickr":         {"embedr.flickr.com"},
	"Flourish":       {"flo.uri.sh"},
	"Getty Images":   {"embed.gettyimages.com", "embed-cdn.gettyimages.com"},
	"Infogram":       {"e.infogram.com"},
	"MixCloud":       {"player-widget.mixcloud.com"},
	"Omny Studio":    {"omnycontent.com"},
	"Poll Daddy":     {"poll.fm", "crowdsignal.com"},
	"Reddit":         {"embed.reddit.com", "redditmedia.com"},
	"Simplecast":     {"player.simplecast.com"},
	"Spreaker":       {"widget.spreaker.com"},
	"Tumblr":         {"assets.tumblr.com", "embed.tumblr.com"},
	"WordPress.com":  {"videopress.com"},
	"Wistia, Inc.":   {"fast.wistia.net"},
	"X":              {"twitter.com"},
}
