// Counts that follow from one look to the next: what is new in a list, how many a minute, messages a second. Pure.

interface Listed { id: string; created_at: string }
export interface New {
  /** that were not there at the look before; with `isAll` false these are the least */
  many: number;
  isAll: boolean;
}

/** A list of at most so many, newest first, that is looked at again and again. */
export class Arrivals {
  private known: ReadonlySet<string> | null = null;

  constructor(private readonly most: number) {}

  /** @returns what has come since the look before; null at the first one */
  take(list: readonly Listed[]): New | null {
    const before = this.known;
    this.known = new Set(list.map((one) => one.id));
    if (!before) return null;
    const isNew = list.filter((one) => !before.has(one.id)).length;
    if (before.size < this.most) return { many: isNew, isAll: list.length < this.most || isNew < list.length };
    // What stands below all that are known has only moved up, because others were removed.
    let lowest = -1;
    list.forEach((one, at) => { if (before.has(one.id)) lowest = at; });
    if (lowest < 0) return { many: list.length, isAll: list.length === 0 };
    return { many: list.slice(0, lowest).filter((one) => !before.has(one.id)).length, isAll: true };
  }
}

/** A list must span so many ms, as evenly as that, for its times to tell how many came that it does not show: those of a batch tell nothing. */
const TELLING_MS = 1000;
const UNEVEN = 0.2;

/** How many a second came, as the times in a list of the newest say; null: they do not tell. */
export function pace(list: readonly Listed[]): number | null {
  if (list.length < 2) return null;
  const times = list.map((one) => Date.parse(one.created_at));
  const [newest, last] = [times[0]!, times.length - 1];
  const span = newest - times[last]!;
  if (span < TELLING_MS || times.some((time, at) => Math.abs((newest - time) / span - at / last) > UNEVEN)) return null;
  return last / span * 1000;
}

/** Over so long a rate is taken, and so much of that must have been seen. */
const MINUTE = 60_000;
const LEAST = 5000;

/** How much a count grows in a minute, from its growth in the last one. */
export class PerMinute {
  private samples: { at: number; total: number }[] = [];

  /** @returns how many a minute; null: too little was seen yet */
  take(at: number, total: number): number | null {
    this.samples.push({ at, total });
    while (this.samples.length > 2 && this.samples[1]!.at <= at - MINUTE) this.samples.shift();
    const first = this.samples[0]!;
    const span = at - first.at;
    return span < LEAST ? null : Math.max(0, total - first.total) * MINUTE / span;
  }
}

export interface Counter { path: string; handled: number }

/** Messages a second of all nodes, from their counters. What came or began anew in between counts from then on. */
export class Traffic {
  private before: { at: number; handled: Map<string, number> } | null = null;

  /** @param at by the clock of the node that says it, in ms. @returns null: nothing to compare with */
  take(at: number, nodes: readonly Counter[]): number | null {
    const { before } = this;
    if (before && at <= before.at) return null;
    this.before = { at, handled: new Map(nodes.map((node) => [node.path, node.handled])) };
    if (!before) return null;
    const grown = nodes.map((node) => Math.max(0, node.handled - (before.handled.get(node.path) ?? node.handled)));
    return grown.reduce((sum, many) => sum + many, 0) / (at - before.at) * 1000;
  }
}
