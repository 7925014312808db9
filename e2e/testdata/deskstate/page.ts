// A page that has the state of a desk and nothing to see. Tests drive it by script.
import { createState, type Change, type State } from "../../../compose/client/state/index";

const options = new URLSearchParams(location.search);
const channel = options.get("channel") ?? "";
const only = options.get("only");

/** Returns what is not yet settled, as text: the state of each entry and its words. */
function left(desk: State): string[] {
  return desk.outbox.entries.value.map(({ state, change, problem }) => {
    const content = "body" in change ? change.body.content : undefined;
    const words = (content ?? []).map((b) => (b.type === "text" ? b.value.text : b.type)).join(" ");
    return [state, change.kind, words, problem?.status].filter((part) => part !== undefined && part !== "").join(" ");
  });
}

const text = (words: string) => [{ type: "text" as const, value: { text: words } }];

/** Returns the records of a store, past the program. */
async function values(base: string, store: string): Promise<unknown[]> {
  const db = await asked(indexedDB.open(`motacilla-desk ${base}`));
  try {
    return await asked(db.transaction(store).objectStore(store).getAll());
  } finally {
    db.close();
  }
}

function asked<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function begin(): Promise<void> {
  const desk = await createState({ base: options.get("base") ?? "", ...(only ? { only: only.split(" ") } : {}) });
  const settled: string[] = [];
  desk.outbox.onSettled((s) => settled.push(s.key));
  const say = (): void => void (document.body.innerText = left(desk).join("\n")); // for whoever looks why a test fails
  desk.outbox.entries.subscribe(say);
  Object.assign(globalThis, {
    desk,
    channel,
    settled,
    text,
    left: () => left(desk),
    add: (change: Change, notBefore?: Date) => desk.outbox.add(change, notBefore ? { notBefore } : {}),
    write: (words: string) => desk.outbox.add({ kind: "post", channel, body: { content: text(words) } }),
    schedule: (words: string, at: string) =>
      desk.outbox.add({ kind: "draft", channel, body: { content: text(words) }, then: { at } }),
    edit: async (id: string, words: string) => {
      const was = await desk.api.post(channel, id);
      return desk.outbox.add({ kind: "edit", channel, post: id, base: was.revision, was, body: { content: text(words) } });
    },
    /** Draws a picture of noise. */
    picture: async (width: number, height: number): Promise<Blob> => {
      const canvas = new OffscreenCanvas(width, height);
      const draw = canvas.getContext("2d") as OffscreenCanvasRenderingContext2D;
      const image = draw.createImageData(width, height);
      for (let at = 0; at < image.data.length; at += 65536) crypto.getRandomValues(image.data.subarray(at, at + 65536));
      for (let at = 3; at < image.data.length; at += 4) image.data[at] = 255;
      draw.putImageData(image, 0, 0);
      return canvas.convertToBlob({ type: "image/png" });
    },
    values: (store: string) => values(options.get("base") || "/", store),
    /** Returns how many records the database has, by store. */
    records: async (): Promise<Record<string, number>> => {
      const counts: Record<string, number> = {};
      for (const store of ["entries", "files", "kept"]) counts[store] = (await values(options.get("base") || "/", store)).length;
      return counts;
    },
  });
}

void begin();
