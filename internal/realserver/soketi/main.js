"use strict";

// Runs Soketi with one app. Arguments: port, another port that it may use, the app's ID, key and secret.
const { Server } = require("@soketi/soketi/dist/server");

const host = "127.0.0.1";
const [port, spare, id, key, secret] = process.argv.slice(2);
Server.start({
  host,
  port: Number(port),
  "metrics.host": host,
  "metrics.port": Number(spare),
  "appManager.array.apps": [{ id, key, secret, enabled: true }],
});
