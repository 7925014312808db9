// A site of another origin than the live server. It renders the newest posts into its page, and serves what Vite has built.
//
//   npm install && npm run build
//   PORT=8090 LIVE=http://127.0.0.1:8080 CHANNEL=demo npm start
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { snapshot, snapshotHTML } from "@motacilla/client";

const { HOST = "127.0.0.1", PORT = "8090", LIVE = "http://127.0.0.1:8080", CHANNEL = "demo" } = process.env;
const dist = fileURLToPath(new URL("dist", import.meta.url));
const types = { ".css": "text/css", ".js": "text/javascript" };
const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** The element, with the posts of now inside. Without them it loads them by itself. */
async function livePosts() {
  let posts = "";
  try {
    posts = snapshotHTML(await snapshot({ src: LIVE, channel: CHANNEL, signal: AbortSignal.timeout(2000) }));
  } catch (err) {
    console.error(`no posts of ${CHANNEL}: ${err}`);
  }
  return `<live-posts src="${escape(LIVE)}" channel="${escape(CHANNEL)}">${posts}</live-posts>`;
}

const server = createServer(async ({ url = "/" }, answer) => {
  const { pathname } = new URL(url, "http://site");
  try {
    if (pathname === "/") {
      const page = await readFile(join(dist, "index.html"), "utf8");
      const element = await livePosts();
      answer.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache" });
      answer.end(page.replace("<!--live-posts-->", () => element));
      return;
    }
    if (!/^\/assets\/[\w.-]+$/.test(pathname)) throw new Error("no such file");
    const file = await readFile(join(dist, pathname));
    answer.writeHead(200, { "Content-Type": types[extname(pathname)] ?? "application/octet-stream" });
    answer.end(file);
  } catch {
    answer.writeHead(404).end("not found");
  }
});
server.listen(Number(PORT), HOST, () => {
  console.log(`http://${HOST}:${PORT} shows ${CHANNEL} of ${LIVE}`);
});
