import { signal, type ReadonlySignal } from "@preact/signals";
import type { Api, Request } from "./api";
import type { Me } from "./me";
import { failureOf } from "./problem";
import type { Invitation, Person, PersonPatch, Right } from "./types";

/** The accounts of the site, and the links that make them. Only admins on all channels may ask. What it does needs the server; it rejects with a Failure. */
export class People {
  private readonly held = signal<Person[] | null>(null);
  private readonly links = signal<Invitation[]>([]);
  /** Counts what was changed here, so that a list which was asked for before that is not shown. */
  private changes = 0;

  constructor(
    private readonly api: Api,
    private readonly me: Me,
  ) {}

  /** By name; null: not loaded yet. */
  get list(): ReadonlySignal<Person[] | null> {
    return this.held;
  }

  /** The links that were not used yet, the newest first. */
  get invitations(): ReadonlySignal<Invitation[]> {
    return this.links;
  }

  async load(): Promise<void> {
    for (;;) {
      const at = this.changes;
      const [{ people }, { invitations }] = await Promise.all([
        this.send<{ people: Person[] }>("GET", "people"),
        this.send<{ invitations: Invitation[] }>("GET", "invitations"),
      ]);
      if (at !== this.changes) continue;
      this.held.value = people.sort(byName);
      this.links.value = invitations.filter((i) => i.kind !== "first").sort((a, b) => Date.parse(b.created) - Date.parse(a.created));
      return;
    }
  }

  invite(rights: Right[], name: string): Promise<Invitation> {
    return this.made(this.send<Invitation>("POST", "invitations", { body: name ? { rights, name } : { rights } }));
  }

  /** Makes a link for a new password or passkey. */
  reset(login: string): Promise<Invitation> {
    return this.made(this.send<Invitation>("POST", `${personPath(login)}/reset`));
  }

  async revoke(id: string): Promise<void> {
    await this.send("DELETE", `invitations/${encodeURIComponent(id)}`);
    this.changes++;
    this.links.value = this.links.peek().filter((i) => i.id !== id);
  }

  async change(login: string, body: PersonPatch): Promise<void> {
    const now = await this.send<Person>("PATCH", personPath(login), { body });
    this.changes++;
    this.held.value = [...this.others(login), now].sort(byName);
    this.touched(now.who);
  }

  async remove({ login, who }: Person): Promise<void> {
    await this.send("DELETE", personPath(login));
    this.changes++;
    this.held.value = this.others(login);
    this.touched(who);
  }

  private others(login: string): Person[] {
    return (this.held.peek() ?? []).filter((p) => p.login !== login);
  }

  private async made(answer: Promise<Invitation>): Promise<Invitation> {
    const link = await answer;
    this.changes++;
    this.links.value = [{ ...link, url: undefined }, ...this.links.peek()];
    return link;
  }

  /** Whoever changes the own account may do other things then. */
  private touched(who: string): void {
    if (who === this.me.account.peek()) void this.me.check(0);
  }

  private async send<T>(method: string, path: string, r?: Request): Promise<T> {
    try {
      return (await this.api.send<T>(method, `access/${path}`, r)).value;
    } catch (err) {
      const failure = failureOf(err);
      if (failure.kind === "signin") this.me.lost();
      throw failure;
    }
  }
}

function personPath(login: string): string {
  return `people/${encodeURIComponent(login)}`;
}

function byName(a: Person, b: Person): number {
  return a.name.localeCompare(b.name) || (a.login < b.login ? -1 : 1);
}
