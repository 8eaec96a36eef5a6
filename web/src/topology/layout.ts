// Where each mark stands: nodes in rows, the groups of a node packed into its circle, the actors of an opened group into the group's. Pure.
import { hierarchy, pack } from "d3-hierarchy";
import type { Marks } from "../live/marks";

export interface Spot {
  path: string;
  /** 1: a node, 2: a group, 3: an actor */
  depth: number;
  x: number; y: number; r: number;
  /** its members are shown inside it */
  isOpen: boolean;
}
export interface Box { x: number; y: number; width: number; height: number }

/** Each node gets a square of this size in the world. */
export const CELL = 1000;
const RADIUS = 460;

interface Item { path: string; value: number; members: Item[] }

/** Columns for `many` squares in a picture of this aspect (width to height). */
export function columns(many: number, aspect: number): number {
  if (many <= 1) return 1;
  let best = 1;
  let bestSize = 0;
  for (let tried = 1; tried <= many; tried += 1) {
    const size = Math.min(aspect / tried, 1 / Math.ceil(many / tried));
    if (size > bestSize * 1.0001) [best, bestSize] = [tried, size];
  }
  return best;
}

/** Sizes follow the number of actors, never the load: a picture that moves by itself cannot be read. */
function itemOf(marks: Marks, path: string, open: ReadonlySet<string>): Item {
  const mark = marks.get(path)!;
  const value = 5 + 2 * Math.log2(1 + mark.actors);
  const names = open.has(path) ? marks.membersOf(path) : [];
  const isGroup = path.includes("/");
  const members = names.map((name) => (isGroup ? { path: name, value: value / names.length, members: [] } : itemOf(marks, name, open)));
  return { path, value, members };
}

export function layout(marks: Marks, open: ReadonlySet<string>, aspect: number): { spots: Spot[]; box: Box } {
  const nodes = marks.membersOf("");
  const across = columns(nodes.length, aspect);
  const spots: Spot[] = [];
  nodes.forEach((path, at) => place(marks, path, open, (at % across) * CELL, Math.floor(at / across) * CELL, spots));
  const rows = Math.max(1, Math.ceil(nodes.length / across));
  return { spots, box: { x: 0, y: 0, width: across * CELL, height: rows * CELL } };
}

function place(marks: Marks, path: string, open: ReadonlySet<string>, left: number, top: number, spots: Spot[]): void {
  const root = hierarchy(itemOf(marks, path, open), (item) => item.members)
    .sum((item) => (item.members.length ? 0 : item.value))
    .sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
  const packed = pack<Item>().size([2 * RADIUS, 2 * RADIUS]).padding((item) => (item.depth === 0 ? 26 : 2))(root);
  const scale = RADIUS / packed.r;
  for (const item of packed.descendants()) {
    spots.push({
      path: item.data.path, depth: item.depth + 1, isOpen: item.data.members.length > 0,
      x: left + CELL / 2 + (item.x - packed.x) * scale, y: top + CELL / 2 + (item.y - packed.y) * scale, r: item.r * scale,
    });
  }
}

/** The spot to which an arrow key leads: the nearest one that lies mostly in that direction. */
export function neighbour(spots: readonly Spot[], from: Spot, dx: number, dy: number): Spot | null {
  let best: Spot | null = null;
  let least = Infinity;
  for (const spot of spots) {
    if (spot === from) continue;
    const along = (spot.x - from.x) * dx + (spot.y - from.y) * dy;
    const aside = Math.abs((spot.x - from.x) * dy) + Math.abs((spot.y - from.y) * dx);
    if (along <= 0 || aside > along * 2.5) continue;
    const far = along + aside * 2;
    if (far < least) [best, least] = [spot, far];
  }
  return best;
}
