import { randomKey } from "./random";

const idAt = "motacilla-desk-tab";
const reloadMs = 1500;

/** Names this tab of the browser. A tab that is loaded again has the same name, and no other tab that is open has it. */
export class Tab {
  private release = (): void => undefined;

  private constructor(
    readonly id: string,
    private readonly scope: string,
  ) {}

  /** scope is the desk's: a browser may have those of several servers. */
  static async begin(scope: string): Promise<Tab> {
    const tab = new Tab(stored(scope) || randomKey(), scope);
    if (await tab.hold()) return tab.remember();
    const other = new Tab(randomKey(), scope); // this tab is a copy of another one, with all that its session storage has
    await other.hold();
    return other.remember();
  }

  /** Returns the names of all tabs that are open, or null if the browser does not tell. */
  async open(): Promise<Set<string> | null> {
    if (!navigator.locks) return null;
    const { held } = await navigator.locks.query();
    const prefix = this.lock("");
    return new Set((held ?? []).flatMap(({ name }) => (name?.startsWith(prefix) ? [name.slice(prefix.length)] : [])));
  }

  end(): void {
    this.release();
  }

  private lock(id: string): string {
    return `motacilla-desk-tab ${this.scope} ${id}`;
  }

  /** Holds the lock of this name until the page is gone. The page before a reload may have it for a moment yet. */
  private hold(): Promise<boolean> {
    if (!navigator.locks) return Promise.resolve(true);
    return new Promise((resolve) => {
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(), reloadMs);
      navigator.locks
        .request(this.lock(this.id), { signal: late.signal }, () => {
          clearTimeout(timer);
          resolve(true);
          return new Promise<void>((release) => (this.release = release));
        })
        .catch(() => resolve(false));
    });
  }

  private remember(): Tab {
    try {
      sessionStorage.setItem(`${idAt} ${this.scope}`, this.id);
    } catch {
      // Storage may be forbidden. Then this tab has another name after a reload.
    }
    return this;
  }
}

function stored(scope: string): string {
  try {
    return sessionStorage.getItem(`${idAt} ${scope}`) ?? "";
  } catch {
    return "";
  }
}
