import { computed, signal, type ReadonlySignal } from "@preact/signals";
import type { Editor } from "../editor/editor";
import type { Block, NewPost, Post, PostPatch } from "../model";
import type { Source } from "../state/outbox";
import { program } from "../program";
import { contentOf, idOf, noOptions, optionsOf, placeName, versionOf, type Options, type Target } from "./target";
import { fromField, toField } from "./times";

/** What the browser keeps of it. base is what the writer began from. */
interface Kept {
  content: Block[];
  options: Options;
  target: Target;
  base: string;
}

/** What this page has held, by channel and target: the keepers give back only what earlier pages have left. */
const pages = new Map<string, Map<string, Kept>>();

/** What is in the composer of a channel. All of it is kept in the browser until it is sent or thrown away. */
export class Writing {
  readonly target = signal<Target>({ kind: "new" });
  readonly options = signal<Options>(noOptions);
  readonly empty = signal(true);
  /** Whether there is something that is not sent yet. */
  readonly changed = signal(false);
  /** Goes up with each change, for the preview. */
  readonly turn = signal(0);
  /** The revision of the post, or the version of the draft, that the writer has seen. */
  readonly base = signal("");
  /** What else was begun and not sent. */
  readonly unfinished = signal<Target[]>([]);
  /** The ID of the post or draft that is being edited. */
  readonly editing: ReadonlySignal<string> = computed(() => idOf(this.target.value));
  /** The editor. Each text gets one of its own, so that undo never brings back another text. */
  readonly editor = signal<Editor | null>(null);
  private make: ((content: Block[]) => Editor) | null = null;
  private filling = false;
  private opening = 0;
  private wanted = false; // the focus
  private readonly held: Map<string, Kept>;

  constructor(readonly channel: string) {
    this.held = pages.get(channel) ?? new Map<string, Kept>();
    pages.set(channel, this.held);
  }

  /** Puts what was being written into the editor: of this page, or of one before. */
  async attach(make: (content: Block[]) => Editor): Promise<void> {
    this.make = make;
    await this.open({ kind: "new" });
    for (const place of await program.kept.places(this.channel).catch(() => [])) {
      if (!place.post && !place.draft) continue;
      const before = await program.kept.keeper<Kept>(place).restore();
      if (before) this.held.set(placeName(before.target), before);
    }
    this.listUnfinished();
    const other = this.unfinished.value[0];
    if (other && this.empty.value && this.make === make) await this.open(other);
  }

  detach(): void {
    this.hold();
    this.editor.value?.destroy();
    this.editor.value = null;
    this.make = null;
  }

  /** Puts the focus into the editor, as soon as there is one. */
  focus(): void {
    this.wanted = this.editor.value === null;
    setTimeout(() => this.editor.value?.focus()); // its panel may be shown by what is drawn next
  }

  content(): Block[] {
    return this.editor.value?.content() ?? [];
  }

  /** Resolves when the text has all that was put into it: images are kept first. */
  async settled(): Promise<void> {
    await this.editor.value?.settled();
  }

  /** Puts the target into the composer, with what was written of it before. */
  async open(target: Target): Promise<void> {
    this.hold();
    const turn = ++this.opening;
    const name = placeName(target);
    const before = this.held.get(name) ?? (await this.keeper(target).restore().catch(() => null)) ?? undefined;
    if (turn !== this.opening || !this.make) return;
    this.hold();
    if (before) this.held.set(name, before);
    this.fill(before?.target ?? target, before?.content ?? contentOf(target), before?.options ?? optionsOf(target), before?.base);
    this.changed.value = before !== undefined;
    this.listUnfinished();
  }

  /** The editor's text has changed. */
  textChanged(): void {
    if (this.filling || !this.editor.value) return;
    this.empty.value = this.editor.value.empty();
    this.touch();
  }

  set(options: Partial<Options>): void {
    this.options.value = { ...this.options.value, ...options };
    this.touch();
  }

  /** Goes on with the writer's text on top of a newer version, which the writer has seen. */
  rebase(target: Target): void {
    const was = optionsOf(this.target.value);
    const now = optionsOf(target);
    const mine = this.options.value;
    const same = (name: keyof Options): Partial<Options> => (mine[name] === was[name] ? { [name]: now[name] } : {});
    this.options.value = { ...mine, ...same("pinned"), ...same("key_event"), ...same("hidden"), ...same("time"), ...same("author") };
    this.target.value = target;
    this.base.value = versionOf(target);
    if (this.changed.value) this.touch();
  }

  /** Replaces the writer's text. */
  replace(target: Target, content: Block[]): void {
    this.target.value = target;
    this.base.value = versionOf(target);
    this.editor.value?.set(content);
    this.touch();
  }

  /** Where the text is kept: the outbox takes it from there in one step. */
  source(): Source {
    return this.keeper(this.target.value);
  }

  /** Resolves when the text is kept, or can't be. */
  async keep(): Promise<void> {
    await this.keeper(this.target.value).flush().catch(() => undefined);
  }

  /** Keeps the text again: the outbox did not take it. */
  takeBack(): void {
    this.touch();
  }

  /** Forgets what was written: it is on its way, or thrown away. The composer is empty again. */
  async clear(): Promise<void> {
    const target = this.target.value;
    const { author } = this.options.value;
    this.changed.value = false;
    this.held.delete(placeName(target));
    await this.keeper(target).clear().catch(() => undefined);
    await this.open({ kind: "new" });
    // Whoever writes under a name goes on writing under it.
    if (target.kind === "new" && !this.changed.value) this.options.value = { ...noOptions, author };
  }

  body(): NewPost {
    const o = this.options.value;
    const body: NewPost = { content: this.content(), pinned: o.pinned, key_event: o.key_event, show: !o.hidden };
    if (o.author.trim()) body.author = o.author.trim();
    const at = fromField(o.time);
    if (at) body.created = at;
    return body;
  }

  /** What of a post is to be changed: what stayed as it was is left out. */
  patch(post: Post): PostPatch {
    const o = this.options.value;
    const body: PostPatch = {};
    const content = this.content();
    if (JSON.stringify(content) !== JSON.stringify(post.content)) body.content = content;
    if (o.author.trim() !== post.author) body.author = o.author.trim();
    if (o.pinned !== post.pinned) body.pinned = o.pinned;
    if (o.key_event !== post.key_event) body.key_event = o.key_event;
    if (o.hidden === post.show) body.show = !o.hidden;
    const at = fromField(o.time);
    if (at && o.time !== toField(post.created)) body.created = at;
    return body;
  }

  private fill(target: Target, content: Block[], options: Options, base = versionOf(target)): void {
    if (!this.make) return;
    this.filling = true;
    this.target.value = target;
    this.base.value = base;
    this.options.value = options;
    const focused = this.wanted || (this.editor.value?.element.contains(document.activeElement) ?? false);
    this.editor.value?.destroy();
    this.editor.value = this.make(content);
    if (focused) this.focus();
    this.filling = false;
    this.empty.value = this.editor.value.empty();
    this.turn.value++;
  }

  private touch(): void {
    this.turn.value++;
    const target = this.target.value;
    const name = placeName(target);
    if (target.kind === "new" && this.empty.value) {
      this.changed.value = false;
      this.held.delete(name);
      void this.keeper(target).clear().catch(() => undefined);
      return;
    }
    this.changed.value = true;
    this.keeper(target).save(() => this.now());
  }

  private now(): Kept {
    return { content: this.content(), options: this.options.value, target: this.target.value, base: this.base.value };
  }

  /** Remembers what is in the composer, which is about to show something else. */
  private hold(): void {
    if (!this.changed.value || !this.editor.value) return;
    this.held.set(placeName(this.target.value), this.now());
    void this.keeper(this.target.value).flush();
  }

  private listUnfinished(): void {
    const here = placeName(this.target.value);
    this.unfinished.value = [...this.held].flatMap(([name, k]) => (name === here ? [] : [k.target]));
  }

  private keeper(target: Target) {
    const place = { channel: this.channel };
    if (target.kind === "post") return program.kept.keeper<Kept>({ ...place, post: target.post.id });
    if (target.kind === "draft") return program.kept.keeper<Kept>({ ...place, draft: target.draft.id });
    return program.kept.keeper<Kept>(place);
  }
}
