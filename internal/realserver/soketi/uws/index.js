"use strict";

// What Soketi uses of uWebSockets.js, with Node's HTTP server and the package ws. uWebSockets.js itself is compiled code that
// the npm registry does not have for every system.
const http = require("node:http");
const { WebSocketServer } = require("ws");

const bytes = (buffer) => buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.length);

class Request {
  constructor(message, url, parameters) {
    Object.assign(this, { message, url, parameters });
  }
  getHeader(name) {
    return this.message.headers[name] ?? "";
  }
  getMethod() {
    return this.message.method.toLowerCase();
  }
  getParameter(i) {
    return this.parameters[i];
  }
  getQuery() {
    return this.url.search.slice(1);
  }
  getUrl() {
    return this.url.pathname;
  }
}

class Response {
  constructor(message, answer, upgrade) {
    Object.assign(this, { message, answer, upgrade, status: "200 OK", headers: [] });
  }
  cork(f) {
    f();
    return this;
  }
  writeStatus(status) {
    this.status = status;
    return this;
  }
  writeHeader(name, value) {
    this.headers.push(name, value);
    return this;
  }
  end(body) {
    const [code, ...reason] = this.status.split(" ");
    this.answer.writeHead(Number(code), reason.join(" "), this.headers);
    this.answer.end(body);
    return this;
  }
  onData(f) {
    this.message.on("data", (chunk) => f(bytes(chunk), false));
    this.message.on("end", () => f(new ArrayBuffer(0), true));
    return this;
  }
  onAborted(f) {
    this.answer.on("close", () => this.answer.writableFinished || f());
    return this;
  }
  getRemoteAddressAsText() {
    return Buffer.from(this.message.socket.remoteAddress ?? "");
  }
  getProxiedRemoteAddressAsText() {
    return Buffer.alloc(0);
  }
}

class App {
  constructor() {
    this.routes = [];
    this.server = http.createServer((message, answer) => {
      const [route, request] = this.route(message, message.method.toLowerCase());
      route.handle(new Response(message, answer), request);
    });
    const sockets = new WebSocketServer({ noServer: true });
    this.server.on("upgrade", (message, socket, head) => {
      const [route, request] = this.route(message, "ws");
      if (!route) {
        socket.destroy();
        return;
      }
      const response = new Response(message, null, (data) =>
        sockets.handleUpgrade(message, socket, head, (ws) => connect(Object.assign(ws, data), route.behaviour)),
      );
      route.behaviour.upgrade(response, request, null);
    });
  }
  route(message, method) {
    const url = new URL(message.url, "http://localhost");
    for (const route of this.routes) {
      const match = (route.method === method || (route.method === "any" && method !== "ws")) && route.pattern.exec(url.pathname);
      if (match) return [route, new Request(message, url, match.slice(1))];
    }
    return [];
  }
  add(method, path, rest) {
    const pattern = new RegExp("^" + path.replace("*", ".*").replaceAll(/:[^/]+/g, "([^/]+)") + "$");
    this.routes.push({ method, pattern, ...rest });
    return this;
  }
  get(path, handle) {
    return this.add("get", path, { handle });
  }
  post(path, handle) {
    return this.add("post", path, { handle });
  }
  any(path, handle) {
    return this.add("any", path, { handle });
  }
  ws(path, behaviour) {
    return this.add("ws", path, { behaviour });
  }
  listen(host, port, done) {
    this.server.listen(port, host, () => done(this.server));
  }
}

function connect(ws, behaviour) {
  ws.end = ws.close;
  ws.on("error", () => {}); // "close" follows
  ws.on("message", (message, isBinary) => behaviour.message(ws, bytes(message), isBinary));
  ws.on("close", (code, reason) => behaviour.close(ws, code, bytes(reason)));
  behaviour.open(ws);
}

module.exports = { App: () => new App(), us_listen_socket_close: (server) => server.close() };
