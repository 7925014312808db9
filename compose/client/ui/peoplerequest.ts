import { useState } from "preact/hooks";
import { program } from "../program";
import { failureOf } from "../state/problem";
import { problemText } from "./problems";

/** Makes one request at a time. What the server refuses is said, and the lists are loaded again: a request whose answer was lost may have been made. */
export function useRequest() {
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState("");
  const run = async (work: () => Promise<void>): Promise<void> => {
    if (busy) return;
    setBusy(true);
    setWrong("");
    try {
      await work();
    } catch (err) {
      setWrong(problemText(failureOf(err).problem));
      void program.people.load().catch(() => undefined);
    } finally {
      setBusy(false);
    }
  };
  return { busy, wrong, setWrong, run };
}
