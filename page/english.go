package page

import (
	"maps"
	"slices"
)

// English returns the words that a look has if it is given no languages. Its keys are those of every language.
// languages/en.yaml has the same words, with comments for translators.
func English() *Language {
	l := english
	l.Months, l.Words, l.Plurals = slices.Clone(l.Months), maps.Clone(l.Words), maps.Clone(l.Plurals)
	for key, forms := range l.Plurals {
		l.Plurals[key] = maps.Clone(forms)
	}
	return &l
}

var english = Language{
	Tag: "en", Direction: "ltr",
	Months: []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
		"November", "December"},
	Words: map[string]string{
		"date": "{day} {month} {year}, {clock} {zone}",

		"badge":        "Live",
		"ended":        "Ended",
		"connecting":   "Connecting…",
		"live":         "Connected",
		"reconnecting": "Reconnecting…",
		"paused":       "Paused",
		"offline":      "You are offline",
		"gone":         "This page is no longer there",
		"refused":      "Sign in again to go on reading",
		"blocked":      "Live updates are not allowed on this site",

		"element_gone":    "These live updates are no longer there",
		"element_refused": "These live updates are private",

		"posts":          "Posts",
		"empty":          "Nothing yet. Posts appear here as they come in; there is no need to reload.",
		"earlier":        "Earlier posts",
		"earlier_failed": "Earlier posts can’t be loaded right now. Try again",
		"key_event":      "Key event",
		"edited":         "Edited {time}",
		"pinned":         "Pinned",
		"just_now":       "just now",
		"show_content":   "Show content from {provider}",
		"always_show":    "Always show content from {provider}",

		"notify":        "Notify me of key events",
		"notify_on":     "You will be notified, even when this page is closed.",
		"notify_denied": "Notifications are blocked. Allow them for this site in your browser’s settings.",
		"notify_failed": "That did not work. Please try again.",

		"reload":          "Reload the page for the newest posts",
		"newest":          "To the newest posts",
		"nothing_earlier": "There is nothing earlier.",

		"index_title": "Follow along",
		"index_empty": "There is nothing to follow yet.",
		"began":       "Began {time}",
		"more":        "More",

		"private_title":     "This page is private",
		"private_enter":     "Enter the token that you were given to read it.",
		"private_denied":    "You may not read it.",
		"private_sign_in":   "Sign in to read it",
		"private_wrong":     "That is not the right token. Try again.",
		"token":             "Token",
		"sign_in":           "Read it",
		"all_pages":         "To all pages",
		"missing_title":     "There is no such page",
		"missing_text":      "It may have been taken down, or there is a mistake in the address.",
		"address_title":     "There is a mistake in the address",
		"address_text":      "Check the address, or begin at the list of all pages.",
		"form_title":        "The form can’t be read",
		"form_text":         "The form must be sent from this site. Go back and try again.",
		"unavailable_title": "We can’t show this page right now",
		"unavailable_text":  "Please try again in a moment.",
		"busy_title":        "There are too many requests",
		"failed_title":      "Something went wrong",
		"failed_text":       "It is not your fault. Please try again in a moment.",
		"method_title":      "This page can only be read",
	},
	Plurals: map[string]map[string]string{
		"new_posts":     {"one": "{count} new post", "other": "{count} new posts"},
		"earlier_posts": {"one": "{count} earlier post", "other": "{count} earlier posts"},
	},
}
