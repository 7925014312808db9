/** After the last change of the text; and a request is made at most so often. */
const pauseMs = 400;
const againMs = 1500;
const mostAgain = 15;

/** Resolves with whether it is worth to run it again. */
type Task = (signal: AbortSignal) => Promise<boolean>;

/** Runs the newest of several tasks, with a pause between two. */
export class Turns {
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** The timer is that of a task which runs again. A newer one does not wait for it. */
  private again = false;
  private life: AbortController | null = null;
  private next: Task | null = null;

  soon(task: Task): void {
    this.next = task;
    if (this.life || (this.timer !== undefined && !this.again)) return;
    this.set(mostAgain, pauseMs);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.next = null;
    this.life?.abort();
    this.life = null;
  }

  private set(left: number, ms: number): void {
    clearTimeout(this.timer);
    this.again = left < mostAgain;
    this.timer = setTimeout(() => void this.go(left), ms);
  }

  private async go(left: number): Promise<void> {
    this.timer = undefined;
    const task = this.next;
    if (!task) return;
    this.next = null;
    const life = (this.life = new AbortController());
    const again = await task(life.signal);
    if (this.life !== life) return;
    this.life = null;
    if (this.next) this.soon(this.next);
    else if (again && left) {
      this.next = task;
      this.set(left - 1, againMs);
    }
  }
}
