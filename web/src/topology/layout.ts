// Where each mark stands: nodes in rows, the groups of a node around its circle, so that lines between them cross the free middle, and the
// actors of an opened group packed into the group's circle. Pure.
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

interface Item { path: string; members: Item[] }

/** Neighbours talk most with each other. */
const AROUND = ["http", "front", "shard", "journal", "links", "node", "desk", "slot", "worker", "hub"];

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

export function layout(marks: Marks, open: ReadonlySet<string>, aspect: number): { spots: Spot[]; box: Box } {
  const nodes = marks.membersOf("");
  const across = columns(nodes.length, aspect);
  const spots: Spot[] = [];
  nodes.forEach((path, at) => place(marks, path, open, (at % across) * CELL, Math.floor(at / across) * CELL, spots));
  const rows = Math.max(1, Math.ceil(nodes.length / across));
  return { spots, box: { x: 0, y: 0, width: across * CELL, height: rows * CELL } };
}

function place(marks: Marks, path: string, open: ReadonlySet<string>, left: number, top: number, spots: Spot[]): void {
  const groups = open.has(path) ? [...marks.membersOf(path)].sort((a, b) => rank(marks, a) - rank(marks, b)) : [];
  const x = left + CELL / 2;
  const y = top + CELL / 2;
  spots.push({ path, depth: 1, isOpen: groups.length > 0, x, y, r: RADIUS });
  const weights = groups.map((group) => weightOf(marks.get(group)!.actors));
  const { middle, radii, angles } = ring(weights, RADIUS);
  groups.forEach((group, at) => {
    const actors = open.has(group) ? marks.membersOf(group) : [];
    const spot = { path: group, depth: 2, isOpen: actors.length > 0, x: x + middle * Math.cos(angles[at]!), y: y + middle * Math.sin(angles[at]!), r: radii[at]! };
    spots.push(spot);
    if (actors.length) fill(spot, actors, spots);
  });
}

function rank(marks: Marks, path: string): number {
  const at = AROUND.indexOf(marks.get(path)!.kind);
  return at < 0 ? AROUND.length : at;
}

/** Sizes follow the number of actors, never the load: a picture that moves by itself cannot be read. */
function weightOf(actors: number): number {
  return 0.85 + 0.1 * Math.log2(1 + Math.min(actors, 1000));
}

/** Circles side by side around a ring inside a circle, each as wide as its weight says; one alone fills most of it. */
function ring(weights: readonly number[], radius: number): { middle: number; radii: number[]; angles: number[] } {
  if (weights.length === 1) return { middle: 0, radii: [radius * 0.7], angles: [0] };
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  const halves = weights.map((weight) => Math.min(1.2, Math.PI * weight / all));
  const widest = Math.max(0.01, ...halves.map(Math.sin));
  const middle = radius * 0.97 / (1 + widest);
  let angle = -Math.PI / 2;  // the name of the node stands above, between the first and the last
  const angles = halves.map((_, at) => {
    const half = Math.PI * weights[at]! / all;
    angle += 2 * half;
    return angle - half;
  });
  return { middle, radii: halves.map((half) => middle * Math.sin(half) * 0.93), angles };
}

function fill(group: Spot, actors: readonly string[], spots: Spot[]): void {
  const root = hierarchy<Item>({ path: group.path, members: actors.map((path) => ({ path, members: [] })) },
    (item) => item.members).sum((item) => (item.members.length ? 0 : 1));
  const packed = pack<Item>().size([1000, 1000]).padding(actors.length > 60 ? 1 : 6)(root);
  const scale = group.r * 0.97 / packed.r;
  for (const item of packed.children ?? []) {
    spots.push({ path: item.data.path, depth: 3, isOpen: false, x: group.x + (item.x - packed.x) * scale, y: group.y + (item.y - packed.y) * scale, r: item.r * scale });
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
