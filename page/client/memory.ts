const rememberFor = 600_000;
const memory = "motacilla-transport";

/** Keeps the name of a transport that works, for the next pages of this tab. */
export function remember(name: string): void {
  try {
    sessionStorage.setItem(memory, JSON.stringify({ name, at: Date.now() }));
  } catch {
    // Storage may be forbidden. Then every page begins with the first transport.
  }
}

/** Returns the name of the transport that worked last, which may be empty. */
export function remembered(): string {
  try {
    const { name, at } = JSON.parse(sessionStorage.getItem(memory) ?? "{}") as { name?: string; at?: number };
    return name && at && Date.now() - at < rememberFor ? name : "";
  } catch {
    return "";
  }
}
