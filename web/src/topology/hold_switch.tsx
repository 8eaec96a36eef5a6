// The switch that holds the picture, and its key.
import { useEffect } from "preact/hooks";
import { moment } from "../format";
import { hold } from "../live/hold";
import type { Marks } from "../live/marks";
import { useValue } from "../live/value";

const KEY = "p";

/** Whether a key was meant for something else: a field, a list of choices, a question. */
function isTaken(event: KeyboardEvent): boolean {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return true;
  return document.querySelector("dialog[open]") !== null || (event.target instanceof Element && event.target.closest("input, select, textarea") !== null);
}

export function HoldSwitch({ marks }: { marks: Marks }) {
  const held = useValue(hold.state);
  const turn = () => hold.turn(marks, Date.now());
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => { if (event.key.toLowerCase() === KEY && !isTaken(event)) turn(); };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [marks]);
  useEffect(() => () => hold.release(), []);
  return (
    <>
      <span role="status">{held && <span class="pill warn held">held since {moment(held.since)}</span>}</span>
      <button type="button" aria-keyshortcuts={KEY} onClick={turn}
        title={held ? "Show the cluster as it is now (key p)" : "Keep picture and figures as they are now, to read them (key p)"}>{held ? "Go on" : "Hold"}</button>
    </>
  );
}
