import { useEffect, useRef, useState } from "preact/hooks";
import { useSignalEffect } from "@preact/signals";
import { Clock } from "../../../page/client/times";
import { config } from "../config";
import type { Block } from "../model";
import { program, type Preview as Rendered } from "../program";
import { failureOf } from "../state/problem";
import { t } from "../words";
import type { Desk } from "./desk";
import { problemText } from "./problems";
import { Turns } from "./turns";

/** Writes times as the live page does. */
const clock = new Clock(config.lang);

/** An address that stands for an image which only this browser has, in what is sent to be rendered. Nothing asks for it. */
const standIn = "https://image.invalid/";

/** Shows what is being written as readers will see it: the server renders it, and it has the live page's own style sheets. */
export function Preview({ desk }: { desk: Desk }) {
  const frame = useRef<HTMLDivElement>(null);
  const [wrong, setWrong] = useState("");
  const [old, setOld] = useState(false);
  const { writing } = desk;
  const run = useRef(new Turns());

  useSignalEffect(() => {
    void writing.turn.value;
    if (writing.empty.value) {
      run.current.stop();
      setWrong("");
      return;
    }
    setOld(true);
    run.current.soon(async (signal) => {
      try {
        const { html, waits } = await rendered(desk, signal);
        if (signal.aborted || !frame.current) return false;
        await show(frame.current, html, desk);
        setWrong("");
        setOld(false);
        return waits;
      } catch (err) {
        if (!signal.aborted) setWrong(problemText(failureOf(err).problem));
        return false;
      }
    });
  });
  useEffect(() => () => run.current.stop(), []);

  return (
    <section class="preview" aria-label={t("preview")}>
      <div class="preview-head">
        <h3>{t("preview")}</h3>
        {wrong && <span class="wrong">{wrong}</span>}
      </div>
      {writing.empty.value && <p class="empty">{t("preview_empty")}</p>}
      <div
        ref={frame}
        class={old && wrong ? "preview-page is-old" : "preview-page"}
        hidden={writing.empty.value}
        tabIndex={-1}
        data-preview
      />
    </section>
  );
}

function rendered(desk: Desk, signal: AbortSignal): Promise<Rendered> {
  const { content, pinned, key_event, author } = desk.writing.body();
  const body = { content: content.map(sendable), pinned, key_event, ...(author ? { author } : {}) };
  return program.preview(desk.id, body, signal);
}

function sendable(block: Block): Block {
  if (block.type !== "image" || !block.value.local) return block;
  const { local, alt, width, height } = block.value;
  return { type: "image", value: { url: standIn + local, alt, ...(width && height ? { width, height } : {}) } };
}

/** The style sheets of the live page. In a shadow tree, :root matches nothing: there, the host has the page's properties. */
let sheets: Promise<CSSStyleSheet[]> | null = null;

function styleSheets(): Promise<CSSStyleSheet[]> {
  return (sheets ??= Promise.all(config.styles.map(sheetOf)).catch((err: unknown) => {
    sheets = null;
    throw err;
  }));
}

async function sheetOf(address: string): Promise<CSSStyleSheet> {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  const sheet = new CSSStyleSheet({ baseURL: new URL(address, document.baseURI).href });
  await sheet.replace((await answer.text()).replace(/:root\b/g, ":host"));
  return sheet;
}

async function show(host: HTMLElement, html: string, desk: Desk): Promise<void> {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const parsed = new DOMParser().parseFromString(html, "text/html"); // inert: it loads nothing
  for (const image of parsed.querySelectorAll<HTMLImageElement>(`img[src^="${standIn}"]`)) {
    image.src = await program.files.url(image.getAttribute("src")!.slice(standIn.length));
    image.removeAttribute("loading");
  }
  for (const link of parsed.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer";
  }
  const { pinned } = desk.writing.options.value;
  const body = document.createElement("body");
  const list = document.createElement("div");
  list.id = "live-posts";
  const wrapper = document.createElement("div");
  wrapper.className = "live-post-wrapper";
  if (pinned) {
    wrapper.dataset.pinned = "true";
    wrapper.dataset.label = t("pinned");
  }
  wrapper.append(...parsed.body.childNodes);
  list.append(wrapper);
  body.append(list);
  body.dir = config.dir;
  body.lang = config.lang;
  // The page's margins, which belong to the page's frame and not to the post.
  body.style.cssText = "margin: 0; padding: .25rem 1.1rem; min-height: 0; background: none";
  if (!root.adoptedStyleSheets.length) root.adoptedStyleSheets = await styleSheets();
  root.replaceChildren(body);
  clock.tell(body);
}
