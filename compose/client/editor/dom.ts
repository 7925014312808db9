type Value = string | number | boolean | null | undefined | ((event: Event) => void);

/** Makes an element. A function is a listener: its name begins with "on". false, null and undefined set nothing. */
export function h<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attrs: Record<string, Value> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attrs)) {
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, String(value));
  }
  element.append(...children);
  return element;
}

export function button(label: string, act: () => void, attrs: Record<string, Value> = {}): HTMLButtonElement {
  return h("button", { type: "button", onclick: () => act(), ...attrs }, label);
}

let ids = 0;

/** Returns an ID that no other element of the page has. */
export function newID(): string {
  return `editor-${++ids}`;
}

/** Cuts text so that it has at most so many bytes in UTF-8. */
export function clip(text: string, bytes: number): string {
  if (new TextEncoder().encode(text).length <= bytes) return text;
  const buffer = new Uint8Array(bytes);
  const { read } = new TextEncoder().encodeInto(text, buffer);
  return text.slice(0, read);
}
