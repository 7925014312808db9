"use strict";

// Follows a channel by Pusher's own library, and prints a line of JSON when it has subscribed and for each event. Arguments: host
// and port, key, channel, event, URL that authorises, token for that.
const Pusher = require("pusher-js");

const [address, key, channel, event, endpoint, token] = process.argv.slice(2);
const [host, port] = address.split(":");
const print = (value) => console.log(JSON.stringify(value));
const client = new Pusher(key, {
  cluster: "",
  wsHost: host,
  wsPort: Number(port),
  forceTLS: false,
  enabledTransports: ["ws"],
  disableStats: true,
  channelAuthorization: { endpoint, headers: { Authorization: `Bearer ${token}` } },
});
client
  .subscribe(channel)
  .bind("pusher:subscription_succeeded", () => print("subscribed"))
  .bind("pusher:subscription_error", (error) => print({ error }))
  .bind(event, print);
