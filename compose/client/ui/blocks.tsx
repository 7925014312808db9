import { useEffect, useState } from "preact/hooks";
import { config } from "../config";
import type { Block, ImageBlock, ScoreBlock } from "../model";
import { program } from "../program";
import { t } from "../words";

/** Shows a post's content in short, as the desk's lists do. The HTML of text blocks is what the server has sanitised. */
export function Blocks({ content }: { content: Block[] }) {
  return (
    <div class="blocks">
      {content.map((block, n) => (
        <BlockView key={n} block={block} />
      ))}
    </div>
  );
}

function BlockView({ block }: { block: Block }) {
  switch (block.type) {
    case "text":
      return <div class="block block--text" dir="auto" dangerouslySetInnerHTML={{ __html: block.value.text }} />;
    case "image":
      return <Picture value={block.value} />;
    case "embed":
      return <EmbedCard url={block.value.url} title={block.value.card?.title} provider={block.value.card?.provider} />;
    case "score":
      return <Score value={block.value} />;
    default:
      return null;
  }
}

function Picture({ value }: { value: ImageBlock["value"] }) {
  const own = useOwnURL(value.local);
  const src = value.local ? own : value.media && value.url ? config.base + value.url : value.url;
  if (!src || value.pending) {
    return (
      <p class="block block--wait" role="img" aria-label={value.alt || t("image")}>
        {t("image_coming")}
      </p>
    );
  }
  return (
    <figure class="block block--image">
      <img src={src} alt={value.alt} width={value.width} height={value.height} loading="lazy" decoding="async" />
      {!value.alt && <figcaption class="note note--warn">{t("no_alt")}</figcaption>}
    </figure>
  );
}

/** The URL of a file that only this browser has. */
export function useOwnURL(key: string | undefined): string {
  const [url, setURL] = useState("");
  useEffect(() => {
    let over = false;
    if (key) {
      program.files
        .url(key)
        .then((found) => over || setURL(found))
        .catch(() => undefined);
    }
    return () => {
      over = true;
    };
  }, [key]);
  return url;
}

function EmbedCard({ url, title, provider }: { url: string; title?: string; provider?: string }) {
  let host = url;
  let href: string | undefined;
  try {
    const parsed = new URL(url);
    host = parsed.host.replace(/^www\./, "");
    if (/^https?:$/.test(parsed.protocol)) href = url;
  } catch {
    // The server has checked it; what it can't be, is shown as text.
  }
  return (
    <a class="block block--embed" href={href} target="_blank" rel="noopener noreferrer nofollow">
      <span class="embed-name">
        <bdi>{provider || host}</bdi>
      </span>
      <span class="embed-what" dir="auto">
        {title || url}
      </span>
    </a>
  );
}

function Score({ value }: { value: ScoreBlock["value"] }) {
  return (
    <p class="block block--score">
      <bdi class="score-team">{value.home}</bdi>
      <span class="score-figures">
        <bdi>{value.home_score || "–"}</bdi>
        <span aria-hidden="true">:</span>
        <bdi>{value.away_score || "–"}</bdi>
      </span>
      <bdi class="score-team">{value.away}</bdi>
      {value.note && <bdi class="score-note">{value.note}</bdi>}
    </p>
  );
}

/** Returns the words of a content, for titles and comparisons. */
export function wordsOf(content: Block[]): string {
  return content
    .map((b) => {
      switch (b.type) {
        case "text":
          return plain(b.value.text);
        case "image":
          return `[${t("image")}${b.value.alt ? `: ${b.value.alt}` : ""}]`;
        case "embed":
          return b.value.card?.title || b.value.url;
        case "score":
          return `${b.value.home} ${b.value.home_score}:${b.value.away_score} ${b.value.away} ${b.value.note}`.trim();
        default:
          return "";
      }
    })
    .filter(Boolean)
    .join("\n");
}

/** The text of HTML. The document that parses it is inert: it runs nothing and loads nothing. */
function plain(html: string): string {
  const body = new DOMParser().parseFromString(html, "text/html").body;
  for (const br of body.querySelectorAll("br")) br.replaceWith("\n");
  for (const cell of body.querySelectorAll("td, th")) cell.append(" ");
  for (const block of body.querySelectorAll("p, li, h1, h2, h3, h4, h5, h6, blockquote, cite, pre, caption, tr, div")) block.append("\n");
  return (body.textContent ?? "").replace(/[ \t]+/g, " ").replace(/\s*\n\s*/g, "\n").trim();
}

/** A post in one line, such as in "Delete “…”". */
export function titleOf(content: Block[], most = 60): string {
  const line = wordsOf(content).replace(/\s+/g, " ");
  const letters = [...line];
  return letters.length > most ? `${letters.slice(0, most - 1).join("").trimEnd()}…` : line || t("empty_post");
}

