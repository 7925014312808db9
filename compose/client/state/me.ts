import { computed, signal, type ReadonlySignal } from "@preact/signals";
import type { Api } from "./api";
import { isAbsent } from "./api";
import type { Bus } from "./bus";
import { matches } from "./pattern";
import { failureOf } from "./problem";
import type { Account, Action, Role } from "./types";

/** Whether somebody is signed in. unknown: the server has not said so yet. */
export type Session = "unknown" | "in" | "out";

const may: Record<Role, Action[]> = {
  reader: ["read"],
  contributor: ["read", "draft"],
  editor: ["read", "draft", "write"],
  admin: ["read", "draft", "write", "manage"],
};

const whileOutMs = 5000;

/** Who works in this browser, and may do what. */
export class Me {
  private readonly state = signal<Session>("unknown");
  private readonly now = signal<Account | null>(null);
  /** The server has no accounts of its own: everybody that it lets in may do all. */
  private readonly none = signal(false);
  private asked = 0;
  private asking: Promise<void> | null = null;
  private readonly remembered: string;
  private readonly place: string;

  /** Whose what is written now is: Account.who. Before the server has answered, whoever was here last. */
  readonly account: ReadonlySignal<string> = computed(() => (this.none.value ? "" : (this.now.value?.who ?? this.remembered)));

  constructor(
    private readonly api: Api,
    private readonly bus: Bus,
    life: AbortSignal,
  ) {
    this.place = `motacilla-desk-who ${api.base}`;
    this.remembered = recall(this.place);
    bus.on((m) => {
      if (m.kind === "account") void this.check(0);
    });
    const timer = setInterval(() => {
      if (this.state.value !== "in" && document.visibilityState === "visible") void this.check(0);
    }, whileOutMs);
    document.addEventListener("visibilitychange", () => this.seen(), { signal: life });
    life.addEventListener("abort", () => clearInterval(timer));
  }

  /** null: not known yet, or the server has no accounts. */
  get who(): ReadonlySignal<Account | null> {
    return this.now;
  }

  get session(): ReadonlySignal<Session> {
    return this.state;
  }

  /** Whether action is permitted on a channel; on "" if it is on some channel, or for manage on all. The server decides in the end. */
  can(channel: string, action: Action): boolean {
    if (this.none.value) return true;
    return (this.now.value?.rights ?? []).some(({ role, channels }) => {
      if (!may[role]?.includes(action)) return false;
      if (!channels?.length) return true;
      return channel === "" ? action !== "manage" : channels.some((pattern) => matches(pattern, channel));
    });
  }

  /** Asks the server who this is, unless it has said so in the last maxAge ms. Resolves also if it can't say. */
  async check(maxAge: number): Promise<void> {
    if (this.state.value === "in" && Date.now() - this.asked < maxAge) return;
    await (this.asking ??= this.ask().finally(() => (this.asking = null)));
  }

  /** A request was answered 401. */
  lost(): void {
    if (this.none.value) this.state.value = "out"; // nothing but another try shows whether it is over
    else void this.check(0);
  }

  /** A request was permitted. */
  found(): void {
    if (this.none.value) this.state.value = "in";
  }

  private async ask(): Promise<void> {
    const at = Date.now();
    try {
      const { value } = await this.api.get<Account>("access/me");
      const other = this.now.value?.who !== value.who;
      this.none.value = false;
      this.now.value = value;
      this.state.value = "in";
      this.asked = at;
      if (!other) return;
      remember(this.place, value.who);
      this.bus.tell({ kind: "account" });
    } catch (err) {
      const failure = failureOf(err);
      if (failure.kind === "signin") {
        if (this.state.value === "in") this.bus.tell({ kind: "account" });
        this.state.value = "out";
      } else if (isAbsent(err)) {
        this.none.value = true;
        this.asked = at;
        if (this.state.value === "unknown") this.state.value = "in";
      }
    }
  }

  private seen(): void {
    if (document.visibilityState === "visible") void this.check(1000);
  }
}

function recall(place: string): string {
  try {
    return localStorage.getItem(place) ?? "";
  } catch {
    return "";
  }
}

function remember(place: string, who: string): void {
  try {
    localStorage.setItem(place, who);
  } catch {
    // Storage may be forbidden. It is only for pages that can't reach the server.
  }
}
