import { config } from "../config";
import type { CommandName } from "../editor/commands";
import type { Editor } from "../editor/editor";
import { t } from "../words";
import { Icon, type IconName } from "./icons";
import { Menu } from "./menu";
import { toast } from "./toasts";

interface Tool {
  command: CommandName;
  icon: IconName;
  label: string;
}

type Entry = Tool | "gap" | "more";

const entries: Entry[] = [
  { command: "bold", icon: "bold", label: "tool_bold" },
  { command: "italic", icon: "italic", label: "tool_italic" },
  { command: "link", icon: "link", label: "tool_link" },
  "gap",
  { command: "h2", icon: "heading", label: "tool_heading" },
  { command: "bullets", icon: "bullets", label: "tool_bullets" },
  { command: "numbers", icon: "numbers", label: "tool_numbers" },
  { command: "quote", icon: "quote", label: "tool_quote" },
  "gap",
  { command: "score", icon: "score", label: "tool_score" },
  { command: "table", icon: "table", label: "tool_table" },
  "more",
  "gap",
  { command: "undo", icon: "undo", label: "tool_undo" },
  { command: "redo", icon: "redo", label: "tool_redo" },
];

/** What is needed less often. */
const rare: Tool[] = [
  { command: "h3", icon: "heading", label: "editor_h3" },
  { command: "strike", icon: "strike", label: "tool_strike" },
  { command: "code", icon: "code", label: "tool_code" },
  { command: "rule", icon: "rule", label: "tool_rule" },
];

/** The buttons above the editor. One of them is reached by Tab; arrows go on to the others. */
export function Toolbar({ editor }: { editor: Editor }) {
  const can = editor.can.value;
  const onKeyDown = (e: KeyboardEvent): void => {
    const bar = e.currentTarget as HTMLElement;
    const all = [...bar.querySelectorAll<HTMLElement>("button, input")];
    const at = all.indexOf(document.activeElement as HTMLElement);
    const rtl = config.dir === "rtl";
    const by = { ArrowRight: rtl ? -1 : 1, ArrowLeft: rtl ? 1 : -1 }[e.key];
    const to = e.key === "Home" ? 0 : e.key === "End" ? all.length - 1 : by === undefined ? -1 : (at + by + all.length) % all.length;
    if (to < 0) return;
    e.preventDefault();
    for (const one of all) one.tabIndex = -1;
    const next = all[to]!;
    next.tabIndex = 0;
    next.focus();
  };
  return (
    <div class="toolbar" role="toolbar" aria-label={t("toolbar")} aria-controls="composer-text" onKeyDown={onKeyDown}>
      {config.images && <Images editor={editor} />}
      {entries.map((entry, n) => {
        if (entry === "gap") return <span key={n} class="gap" aria-hidden="true" />;
        if (entry === "more") {
          const items = rare.map(({ command, icon, label }) => ({ label: t(label), icon, run: () => void editor.run(command) }));
          return <Menu key={n} label={t("tool_more")} tabIndex={-1} items={items} />;
        }
        const active = can.active.has(entry.command);
        const possible = can.possible.has(entry.command);
        return (
          <button
            key={entry.command}
            type="button"
            class="icon-button"
            tabIndex={!config.images && n === 0 ? 0 : -1}
            aria-label={t(entry.label)}
            title={t(entry.label)}
            aria-pressed={entry.command === "undo" || entry.command === "redo" ? undefined : active}
            aria-disabled={!possible || undefined}
            onMouseDown={(e) => e.preventDefault()} // the selection stays in the editor
            onClick={() => {
              if (possible) editor.run(entry.command);
            }}
          >
            <Icon name={entry.icon} />
          </button>
        );
      })}
    </div>
  );
}

/** Chooses images: from files, and from the camera where there is one. */
function Images({ editor }: { editor: Editor }) {
  const take = (input: HTMLInputElement): void => {
    const files = [...(input.files ?? [])];
    const small = files.filter((f) => !config.maxImage || f.size <= config.maxImage);
    if (small.length < files.length) toast(t("image_large", { size: Math.floor(config.maxImage / 1_000_000) }), { wrong: true });
    if (small.length) editor.addImages(small);
    input.value = "";
  };
  return (
    <>
      <span class="icon-button file" title={t("tool_image")}>
        <Icon name="image" />
        <input
          type="file"
          accept="image/*"
          multiple
          tabIndex={0}
          aria-label={t("tool_image")}
          onChange={(e) => take(e.currentTarget)}
        />
      </span>
      {matchMedia("(pointer: coarse)").matches && (
        <span class="icon-button file" title={t("tool_camera")}>
          <Icon name="camera" />
          <input
            type="file"
            accept="image/*"
            capture="environment"
            tabIndex={-1}
            aria-label={t("tool_camera")}
            onChange={(e) => take(e.currentTarget)}
          />
        </span>
      )}
      <span class="gap" aria-hidden="true" />
    </>
  );
}
