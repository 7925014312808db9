import type { JSX } from "preact";
import { t } from "../words";
import { Icon, type IconName } from "./icons";
import { exactly, when } from "./times";

interface ToolProps {
  icon: IconName;
  label: string;
  shortcut?: string;
  pressed?: boolean;
  off?: boolean;
  class?: string;
  onClick(): void;
}

/** A button that has only an icon to see. */
export function Tool({ icon, label, shortcut, pressed, off, class: more = "", onClick }: ToolProps) {
  return (
    <button
      type="button"
      class={`icon-button ${more}`}
      aria-label={label}
      title={shortcut ? `${label} (${shortcut})` : label}
      aria-pressed={pressed}
      aria-disabled={off || undefined}
      onClick={() => {
        if (!off) onClick();
      }}
    >
      <Icon name={icon} />
    </button>
  );
}

/** A time in words; the exact one is its title. */
export function Time({ at }: { at: string }) {
  return (
    <time dateTime={at} title={exactly(at)}>
      {when(at)}
    </time>
  );
}

export function Badge({ icon, kind = "", children }: { icon?: IconName; kind?: string; children: JSX.Element | string }) {
  return (
    <span class={`badge ${kind && `badge--${kind}`}`}>
      {icon && <Icon name={icon} />}
      {children}
    </span>
  );
}

/** The first letters of a name. */
export function Avatar({ name }: { name: string }) {
  const letters = name
    .split(/[\s._-]+/)
    .filter(Boolean)
    .slice(0, 2)
    .map((w) => [...w][0]?.toLocaleUpperCase() ?? "")
    .join("");
  return <span class="avatar" data-letters={letters || "?"} aria-hidden="true" />;
}

/** What a list says while it is loaded, or if it can't be. */
export function Loading({ problem, again }: { problem: string; again(): void }) {
  if (!problem) return <p class="empty">{t("loading")}</p>;
  return (
    <div class="empty">
      <p>{problem}</p>
      <button type="button" class="button" onClick={again}>
        {t("try_again")}
      </button>
    </div>
  );
}
