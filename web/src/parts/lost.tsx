// What stands on the page while the node cannot be reached: first a word, after three tries the way to another node.
import { useEffect, useState } from "preact/hooks";
import { isLive } from "../live/inspect";
import { connection } from "../live/connection";
import { useValue } from "../live/value";

const TRIES = 3;
const COUNTDOWN = 5;

/** Stands in a view that wants marks while none arrive. */
export function NoMarks() {
  const { isLost } = useValue(connection);
  return isLost || isLive() ? null : <p class="notice warn" role="status">No live marks from this node yet. Trying again.</p>;
}

/** The same view at another node. */
function hrefAt(address: string): string {
  return `${location.protocol}//${address}/inspector${location.hash}`;
}

export function Lost() {
  const state = useValue(connection);
  const [left, setLeft] = useState(COUNTDOWN);
  const [isStaying, setStaying] = useState(false);
  const next = state.others[0];
  const isLeaving = state.isLost && state.failures >= TRIES && next !== undefined && !isStaying;
  useEffect(() => {
    if (!isLeaving) { setLeft(COUNTDOWN); return; }
    if (left === 0) { location.assign(hrefAt(next)); return; }
    const timer = setTimeout(() => setLeft(left - 1), 1000);
    return () => clearTimeout(timer);
  }, [isLeaving, left, next]);
  useEffect(() => { if (!state.isLost) setStaying(false); }, [state.isLost]);
  if (!state.isLost) return null;
  return (
    <div class="notice bad lost" role="alert">
      <p>This node ({location.host}) cannot be reached. Tried {state.failures === 1 ? "once" : `${state.failures} times`}, trying again; what you see is old.</p>
      {state.failures >= TRIES && state.others.length > 0 && (
        <p class="actions">
          {state.others.map((address) => <a key={address} href={hrefAt(address)}>Go on at {hrefAt(address).replace(/#.*/, "")}</a>)}
          {isLeaving && <span aria-hidden="true">going to the first in {left} s</span>}
          {isLeaving && <button type="button" onClick={() => setStaying(true)}>Stay here</button>}
        </p>)}
    </div>
  );
}
