import { signal, type ReadonlySignal } from "@preact/signals";
import { config } from "./config";
import type { NewPost } from "./model";
import { channelPath } from "./state/api";
import { createState, type State } from "./state/index";

/** What the screens work with. */
export interface Program extends State {
  /** Whether the browser has a net. */
  readonly online: ReadonlySignal<boolean>;
  /** Returns the HTML that readers would get of a post. waits: the server is looking up embedded pages, which will change it. */
  preview(channel: string, body: NewPost, signal: AbortSignal): Promise<Preview>;
}

export interface Preview {
  html: string;
  waits: boolean;
}

export let program: Program;

/** Begins the program. The screens may be shown when it resolves. */
export async function begin(): Promise<void> {
  const state = await createState({ base: config.base });
  const online = signal(navigator.onLine);
  for (const event of ["online", "offline"]) addEventListener(event, () => (online.value = navigator.onLine));
  addEventListener("beforeunload", (e) => {
    if (state.unsafe.value) e.preventDefault();
  });
  program = {
    ...state,
    online,
    preview: async (channel, body, signal) => {
      const { value } = await state.api.send<Preview>("POST", `${channelPath(channel)}/preview`, { body, signal });
      return value;
    },
  };
}
