import { markdownShortcuts, shortcuts } from "../editor/keys";
import { t } from "../words";

const mac = /Mac|iPhone|iPad/.test(navigator.platform);

/** The editor's own shortcuts, and what may be typed as in Markdown, for the list of shortcuts. */
export function editorShortcuts(): { keys: string; label: string }[] {
  return [...shortcuts, ...markdownShortcuts].map(({ keys, text }) => ({ keys: shown(keys), label: t(text) }));
}

function shown(keys: string): string {
  return keys
    .replace(/\bMod\b/g, mac ? "⌘" : t("key_ctrl"))
    .replace(/-(.)$/, (_, key: string) => `-${key.toUpperCase()}`)
    .replace(/(?<=\w)-(?=.)/g, mac ? " " : " + ");
}
