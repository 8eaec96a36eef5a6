// Polling of what stands still with the picture.
import { useEffect } from "preact/hooks";
import { type Polled, usePoll } from "../api/poll";
import { hold } from "./hold";

/** As `usePoll`; while the picture is held, the answer is the one that was seen then. */
export function useHeldPoll<T>(path: string, every = 1000): Polled<T> {
  const polled = usePoll<T>(path, every);
  useEffect(() => () => hold.forget(path), [path]);
  return { ...polled, data: hold.keep(path, polled.data) };
}
