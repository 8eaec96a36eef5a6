// Keeps the figures of the last minutes as long as the page is open, whatever view is seen: the one door between them and the clock, the node and the tab.
import { answers, get, Refusal } from "../api/rest";
import { access } from "../live/access";
import { connection } from "../live/connection";
import { isLive, marks } from "../live/inspect";
import { Value } from "../live/value";
import { type Course, Figures } from "./figures";
import { SLOT_MS } from "./ring";

export const courses = new Value<readonly Course[]>([]);
const figures = new Figures(Date.now());
let isAsking = false;

/** Whether somebody looks at the page and the node answers it. */
function isHearing(): boolean {
  return !document.hidden && !connection.now.isLost && access.now === "open";
}

/** One after the other: there is no haste. */
async function ask(paths: readonly string[]): Promise<void> {
  isAsking = true;
  for (const path of paths) {
    try {
      await get(path);
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) figures.refuse(path);
    }
  }
  isAsking = false;
}

function turn(): void {
  const now = Date.now();
  setTimeout(turn, SLOT_MS - (now + SLOT_MS / 2) % SLOT_MS);  // in the middle of each slot, so that none is passed over
  if (document.hidden) return;
  if (isHearing()) {
    if (isLive()) figures.heardCounters({ at: marks.now, marks: marks.membersOf("").map((path) => marks.get(path)!) }, now);
    if (!isAsking) void ask(figures.due(now));  // what is due counts as asked
  }
  figures.keep(now);
  courses.set(figures.courses());
}

/** To be called once. */
export function followTrend(): void {
  const silence = () => { if (!isHearing()) figures.fallSilent(Date.now()); };
  answers.on((answer) => { if (answer) figures.heard(answer.path, answer.data, Date.now()); });
  document.addEventListener("visibilitychange", silence);
  connection.on(silence);
  access.on(silence);
  turn();
}
