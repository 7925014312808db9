import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { t } from "../words";
import { Icon, type IconName } from "./icons";

export interface Item {
  label: string;
  icon?: IconName;
  /** A shortcut that does the same. */
  shortcut?: string;
  danger?: boolean;
  href?: string;
  /** The link leads away from the desk, to a new tab. */
  away?: boolean;
  run?(): void;
}

interface MenuProps {
  label: string;
  button?: ComponentChildren;
  head?: ComponentChildren;
  items: (Item | false | undefined)[];
  tabIndex?: number;
}

/** A button with a list of actions: arrows move, Escape closes, the focus returns to the button. */
export function Menu({ label, button, head, items, tabIndex }: MenuProps) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const opener = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const close = (focus: boolean): void => {
    setOpen(false);
    if (focus) opener.current?.focus();
  };

  useEffect(() => {
    if (!open) return;
    const menu = list.current!;
    place(menu, opener.current!);
    menu.querySelector<HTMLElement>("[role=menuitem]")?.focus();
    const outside = (e: Event): void => {
      if (!menu.contains(e.target as Node) && !opener.current!.contains(e.target as Node)) close(false);
    };
    const moved = (): void => place(menu, opener.current!);
    document.addEventListener("pointerdown", outside, true);
    window.addEventListener("resize", moved);
    return () => {
      document.removeEventListener("pointerdown", outside, true);
      window.removeEventListener("resize", moved);
    };
  }, [open]);

  const onKeyDown = (e: KeyboardEvent): void => {
    const all = [...list.current!.querySelectorAll<HTMLElement>("[role=menuitem]")];
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 }[e.key];
    if (to !== undefined) all[to % all.length]?.focus();
    else if (e.key === "Escape") close(true);
    else if (e.key === "Tab") return close(false);
    else return;
    e.preventDefault();
    e.stopPropagation();
  };

  return (
    <div class="menu">
      <button
        ref={opener}
        type="button"
        class="icon-button"
        tabIndex={tabIndex}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen(!open)}
        onKeyDown={(e) => {
          if (e.key !== "ArrowDown" || open) return;
          e.preventDefault();
          setOpen(true);
        }}
      >
        {button ?? <Icon name="more" />}
      </button>
      {open && (
        <div class="menu-list" ref={list} onKeyDown={onKeyDown}>
          {head && <div class="menu-head">{head}</div>}
          <div id={id} role="menu" aria-label={label}>
            {items.map((item) => item && <MenuItem key={item.label} item={item} close={close} />)}
          </div>
        </div>
      )}
    </div>
  );
}

function MenuItem({ item, close }: { item: Item; close(focus: boolean): void }) {
  const inside = (
    <>
      {item.icon && <Icon name={item.icon} />}
      {item.label}
      {item.away && <span class="visually-hidden"> {t("new_tab")}</span>}
      {item.shortcut && <kbd aria-hidden="true">{item.shortcut}</kbd>}
    </>
  );
  const look = item.danger ? "menu-danger" : undefined;
  if (item.href) {
    return (
      <a
        role="menuitem"
        tabIndex={-1}
        class={look}
        href={item.href}
        target={item.away ? "_blank" : undefined}
        rel={item.away ? "noopener" : undefined}
        onClick={() => close(true)}
      >
        {inside}
      </a>
    );
  }
  return (
    <button
      type="button"
      role="menuitem"
      tabIndex={-1}
      class={look}
      onClick={() => {
        close(true);
        item.run?.();
      }}
    >
      {inside}
    </button>
  );
}

/** Puts the list next to its button, inside the window: above it if there is no room below. */
function place(list: HTMLElement, button: HTMLElement): void {
  const at = button.getBoundingClientRect();
  const { offsetWidth: w, offsetHeight: h } = list;
  const end = document.documentElement.dir === "rtl" ? at.left : at.right - w;
  list.style.left = `${Math.max(8, Math.min(end, innerWidth - w - 8))}px`;
  const below = at.bottom + 4;
  list.style.top = `${below + h > innerHeight - 8 ? Math.max(8, at.top - h - 4) : below}px`;
}
