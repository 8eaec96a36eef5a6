// What the node tells about its actors, and the rates that follow from it. Pure: time comes in with the messages.

export interface Doing { job: string; pipeline?: string; stage: string; instance: number; attempt: number; permille: number; since: string }
export interface Mark {
  path: string; kind: string; name: string; parent: string | null; state?: string; actors: number; waiting: number; handled: number;
  busy_seconds: number; in_line_seconds: number; received: Record<string, number>; restarts: number; doing?: Doing;
  /** handling times of an opened actor: upper bound in seconds (null: none), and how many */
  times?: [number | null, number][];
  /** of a node or a group: slots or workers that run an attempt */
  at_work?: number;
  /** of an opened worker: the end of what its attempt has written to standard error */
  log?: string;
  /** of a node: frames sent to other nodes, by their id */
  sent_to?: Record<string, number>;
}
export interface Message { seq: number; at: string; full?: boolean; marks: Mark[]; gone: string[] }

interface Sample { at: number; handled: number; busy: number; inLine: number; received: Record<string, number>; sentTo: Record<string, number> }
interface Entry {
  mark: Mark; samples: Sample[];
  /** since when its attempt is as far as it is, as seen here */
  stillSince: number;
}

/** Rates of one mark over the last seconds; null until two messages tell of it. */
export interface Rates {
  /** messages a second */
  handled: number | null;
  /** share of the time in which it worked, for each actor of it: 0 to 1 */
  busy: number | null;
  /** seconds a message took */
  meanTime: number | null;
  /** seconds a message waited in the mailbox */
  meanWait: number | null;
  /** seconds for which its attempt, which had said how far it is, has said nothing new; null: that is not known */
  stillFor: number | null;
}

/** Over how long rates are taken, in milliseconds: long enough to be calm, short enough to be live. */
const WINDOW = 2000;

export class Marks {
  private entries = new Map<string, Entry>();
  private children = new Map<string, string[]>();
  /** the moment of the newest message, by the node's clock */
  now = 0;
  /** grows whenever a mark came or went: only then must a layout be made anew */
  shape = 0;

  apply(message: Message): void {
    const before = this.now;
    this.now = Date.parse(message.at);
    if (message.full) this.forget(message, this.now - before > WINDOW);
    for (const path of message.gone) this.drop(path);
    for (const mark of message.marks) this.put(mark);
  }

  /** The same as it is now: what comes later changes only one of the two. */
  copy(): Marks {
    const copy = new Marks();
    this.entries.forEach((entry, path) => copy.entries.set(path, { ...entry, samples: [...entry.samples] }));
    this.children.forEach((members, path) => copy.children.set(path, [...members]));
    [copy.now, copy.shape] = [this.now, this.shape];
    return copy;
  }

  /** After a full message only what it names is left. Rates of what stays go on, unless nothing was heard for long. */
  private forget(message: Message, isAfterGap: boolean): void {
    if (isAfterGap) for (const entry of this.entries.values()) entry.samples.length = 0;
    const stay = new Set(message.marks.map((mark) => mark.path));
    for (const path of [...this.entries.keys()]) if (!stay.has(path)) this.drop(path);
  }

  private drop(path: string): void {
    if (!this.entries.delete(path)) return;
    this.shape += 1;
    const parent = parentOf(path);
    this.children.set(parent, (this.children.get(parent) ?? []).filter((other) => other !== path));
    for (const child of this.children.get(path) ?? []) this.drop(child);
    this.children.delete(path);
  }

  private put(mark: Mark): void {
    const sample = { at: this.now, handled: mark.handled, busy: mark.busy_seconds, inLine: mark.in_line_seconds, received: mark.received, sentTo: mark.sent_to ?? NOTHING };
    const entry = this.entries.get(mark.path);
    if (!entry) {
      this.entries.set(mark.path, { mark, samples: [sample], stillSince: this.now });
      this.shape += 1;
      const parent = parentOf(mark.path);
      const siblings = this.children.get(parent) ?? [];
      siblings.push(mark.path);
      siblings.sort(byName);
      this.children.set(parent, siblings);
      return;
    }
    const hasBegunAnew = mark.handled < entry.mark.handled || mark.busy_seconds < entry.mark.busy_seconds;
    if (!isAsFar(entry.mark.doing, mark.doing)) entry.stillSince = this.now;
    entry.mark = mark;
    if (hasBegunAnew) entry.samples.length = 0;
    entry.samples.push(sample);
    while (entry.samples.length > 2 && entry.samples[1]!.at <= this.now - WINDOW) entry.samples.shift();
  }

  get(path: string): Mark | undefined {
    return this.entries.get(path)?.mark;
  }

  /** The members of a mark ("" is the cluster), by name. */
  membersOf(path: string): readonly string[] {
    return this.children.get(path) ?? NONE;
  }

  all(): Mark[] {
    return [...this.entries.values()].map((entry) => entry.mark);
  }

  /** What it was a window ago, and how many seconds that is. What did not change was not sent: its last sample still holds. */
  private before(entry: Entry): { sample: Sample; passed: number } | null {
    const start = this.now - WINDOW;
    let sample = entry.samples[0]!;
    for (const one of entry.samples) if (one.at <= start) sample = one;
    const passed = (this.now - Math.max(sample.at, start)) / 1000;
    return passed > 0 ? { sample, passed } : null;
  }

  rates(path: string): Rates {
    const entry = this.entries.get(path);
    if (!entry) return UNKNOWN;
    const stillFor = entry.mark.doing && entry.mark.doing.permille > 0 ? (this.now - entry.stillSince) / 1000 : null;
    const before = this.before(entry);
    if (!before) return { ...UNKNOWN, stillFor };
    const { mark } = entry;
    const { sample, passed } = before;
    const handled = mark.handled - sample.handled;
    return {
      handled: handled / passed,
      busy: Math.min(1, (mark.busy_seconds - sample.busy) / passed / Math.max(1, mark.actors)),
      meanTime: handled > 0 ? (mark.busy_seconds - sample.busy) / handled : null,
      meanWait: handled > 0 ? (mark.in_line_seconds - sample.inLine) / handled : null,
      stillFor,
    };
  }

  /** Messages a second that a mark gets from actors of one kind. */
  rateFrom(path: string, kind: string): number | null {
    return this.rateOf(path, (mark) => mark.received[kind], (sample) => sample.received[kind]);
  }

  /** Frames a second that a node sends to another one. */
  rateTo(path: string, node: string): number | null {
    return this.rateOf(path, (mark) => mark.sent_to?.[node], (sample) => sample.sentTo[node]);
  }

  private rateOf(path: string, now: (mark: Mark) => number | undefined, then: (sample: Sample) => number | undefined): number | null {
    const entry = this.entries.get(path);
    const before = entry && this.before(entry);
    if (!entry || !before) return null;
    return Math.max(0, (now(entry.mark) ?? 0) - (then(before.sample) ?? 0)) / before.passed;
  }
}

const NONE: readonly string[] = [];
const NOTHING: Record<string, number> = {};
const UNKNOWN: Rates = { handled: null, busy: null, meanTime: null, meanWait: null, stillFor: null };

export function parentOf(path: string): string {
  const end = path.lastIndexOf("/");
  return end < 0 ? "" : path.slice(0, end);
}

/** Every mark on the way to a path, and itself. */
export function wayTo(path: string): string[] {
  const parts = path.split("/").filter(Boolean);
  return parts.map((_, at) => parts.slice(0, at + 1).join("/"));
}

/** "slot-2" before "slot-10" */
const order = new Intl.Collator("en", { numeric: true });
export function byName(a: string, b: string): number {
  return order.compare(a, b);
}

export type Health = "bad" | "warn" | "busy" | "well" | "idle";

const BAD = new Set(["silent", "dead", "failed", "crashed", "down", "lost"]);
const WARN = new Set(["draining", "drained", "restarting", "stopping", "starting", "backing_off"]);
/** So many seconds without progress are worth a look. */
export const STILL = 60;

function isAsFar(before: Doing | undefined, now: Doing | undefined): boolean {
  return before !== undefined && now !== undefined && before.job === now.job && before.stage === now.stage && before.instance === now.instance
    && before.attempt === now.attempt && before.permille === now.permille;
}

/** A mailbox this deep is worth a look; a busy share above that leaves no room. */
export const DEEP = 100;
const FULL = 0.9;

/** How a mark is, at one look; never told by colour alone. */
export function healthOf(mark: Mark, rates: Rates): Health {
  if (mark.state && BAD.has(mark.state)) return "bad";
  if (mark.waiting >= DEEP * Math.max(1, mark.actors) || (mark.state && WARN.has(mark.state))) return "warn";
  if ((rates.stillFor ?? 0) >= STILL) return "warn";
  if (mark.kind !== "worker" && mark.kind !== "slot" && (rates.busy ?? 0) >= FULL) return "warn";
  if (mark.doing || (rates.busy ?? 0) >= 0.3) return "busy";
  return (rates.handled ?? 0) > 0 ? "well" : "idle";
}

/** One word for a mark: its own, else what its rates tell; nothing before they do. */
export function stateOf(mark: Mark, rates: Rates): string {
  const health = healthOf(mark, rates);
  return mark.state ?? (rates.handled === null && health === "idle" ? "–" : HEALTH_WORDS[health]);
}

export const HEALTH_WORDS: Record<Health, string> = {
  bad: "in trouble", warn: "needs a look", busy: "busy", well: "works", idle: "idle",
};
