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

		"signin_title":    "Sign in",
		"signin_login":    "User name",
		"signin_password": "Password",
		"signin_passkey":  "Sign in with a passkey",
		"signin_or":       "or",
		"signin_other":    "Sign in with {name}",
		"signin_wrong":    "The user name or the password is wrong.",
		"signin_failed":   "Signing in did not work. Please try again later.",
		"signin_denied":   "You may not sign in here. Ask whoever runs this site.",
		"signin_refused":  "You were not signed in there.",
		"signin_away":     "The other site does not answer. Please try again later.",
		"signin_again":    "It took too long, or it began in another browser. Please try again.",
		"signin_first":    "To change how you sign in, first sign in again.",
		"signin_busy":     "Too many people are signing in. Please try again in a moment.",
		"signin_wait":     "There were too many tries. Please wait.",
		"wait_seconds":    "Seconds until the next try: {count}",
		"wait_minutes":    "Minutes until the next try: {count}",

		"invitation_title":  "Make your account",
		"invitation_by":     "{name} invites you to {site}.",
		"invitation_to":     "You are invited to {site}.",
		"invitation_first":  "It is the first account of {site}. It may do everything, and invite others.",
		"invitation_reset":  "Choose how {login} signs in from now on. The password and the passkeys of before will no longer work.",
		"invitation_gone":   "This link is no longer valid. Ask for another one.",
		"invitation_submit": "Make the account with a password",

		"login_taken":        "Somebody else has this user name. Choose another one.",
		"login_invalid":      "This can’t be a user name. Take letters from a to z, digits, dots and hyphens.",
		"name_invalid":       "This can’t be a name. It may be empty or too long.",
		"password_hint":      "At least 10 characters, such as four words in a row.",
		"password_short":     "This password is too short. Take at least 10 characters.",
		"password_long":      "This password is too long.",
		"password_common":    "This password is easy to guess. Choose another one.",
		"password_own":       "This password is made of your name or the site’s. Choose another one.",
		"password_incorrect": "This is not your current password.",

		"account_title":       "Your account",
		"account_desk":        "Write",
		"account_rights":      "What you may do",
		"account_none":        "Nothing yet. Ask an admin for a role.",
		"account_name":        "Your name",
		"account_save":        "Save",
		"account_saved":       "Saved.",
		"account_password":    "Your password",
		"account_old":         "Current password",
		"account_new":         "New password",
		"account_change":      "Change the password",
		"account_set":         "Set a password",
		"account_again":       "Sign in again",
		"account_passkeys":    "Your passkeys",
		"account_no_passkeys": "You have no passkey yet.",
		"account_sessions":    "Where you are signed in",
		"account_script":      "Allow JavaScript to add and remove passkeys, and to sign out elsewhere.",
		"session_began":       "Signed in {time}",
		"session_this":        "This browser",
		"sign_out":            "Sign out",
		"signed_out":          "Signed out there.",

		"role_reader":           "Reader",
		"role_reader_text":      "Reads private pages.",
		"role_contributor":      "Contributor",
		"role_contributor_text": "Proposes posts and uploads images.",
		"role_editor":           "Editor",
		"role_editor_text":      "Writes and changes pages and posts.",
		"role_admin":            "Admin",
		"role_admin_text":       "Deletes pages, and says who may do what.",
		"rights_all":            "on all pages",
		"rights_some":           "on {channels}",

		"passkey_about":       "A passkey signs you in as you unlock your device: by fingerprint, face or PIN. There is nothing to remember.",
		"passkey_make":        "Make the account with a passkey",
		"passkey_add":         "Add a passkey",
		"passkey_label":       "A name for it, such as that of the device",
		"passkey_unnamed":     "Without a name",
		"passkey_created":     "Made {time}",
		"passkey_used":        "Used {time}",
		"passkey_remove":      "Remove",
		"passkey_removed":     "The passkey has been removed.",
		"passkey_sure":        "Remove the passkey “{name}”? It will no longer sign you in.",
		"passkey_last":        "Without this passkey you could not sign in. Add another one first, or set a password.",
		"passkey_cancelled":   "It was cancelled, or it took too long. Please try again.",
		"passkey_unknown":     "This passkey is not known here. It may have been removed.",
		"passkey_exists":      "This device already has a passkey for your account.",
		"passkey_address":     "Passkeys do not work at this address. They need https and a host name.",
		"passkey_unsupported": "This device can’t make such a passkey. Try another one.",
		"passkey_offline":     "The server can’t be reached. Check your connection.",
		"passkey_failed":      "That did not work. Please try again.",
	},
	Plurals: map[string]map[string]string{
		"new_posts":     {"one": "{count} new post", "other": "{count} new posts"},
		"earlier_posts": {"one": "{count} earlier post", "other": "{count} earlier posts"},
	},
}
