package telegram

import "github.com/motacilla-live/motacilla/receiver"

// Module registers the receiver as "telegram".
var Module = receiver.Register(Name, &Options{Mode: Webhook, Authors: AllAuthors, API: DefaultAPI}, New)
