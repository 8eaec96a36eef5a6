// How the course of a figure is drawn and said. Pure.
import { moment, plural } from "../format";
import { type Series, SLOT_MS } from "./ring";

/** The picture of a course is so large, in units of its own; it is stretched to its place. */
export const WIDTH = 300;
export const HEIGHT = 40;
const EDGE = 2;
/** The least that the width stands for, in ms: a few seconds are not stretched over all of it. */
const SPAN_LEAST = 60_000;

/** The time that a picture shows. */
export interface Axis { from: number; to: number }

export function axisOf({ begin, values }: Series): Axis {
  const to = begin + Math.max(0, values.length - 1) * SLOT_MS;
  return { from: Math.min(begin, to - SPAN_LEAST), to };
}

export const xOf = (axis: Axis, at: number): number => (at - axis.from) / (axis.to - axis.from) * WIDTH;
export const yOf = (value: number, top: number): number => HEIGHT - EDGE - Math.min(1, value / top) * (HEIGHT - 2 * EDGE);

/** The slot of a series that lies under a share of the width, 0 to 1; one that has been. */
export function slotAt(series: Series, share: number): number {
  const axis = axisOf(series);
  const slot = Math.round((axis.from + share * (axis.to - axis.from) - series.begin) / SLOT_MS);
  return Math.max(0, Math.min(series.values.length - 1, slot));
}

export const timeOf = (series: Series, slot: number): number => series.begin + slot * SLOT_MS;

/** The runs of slots in which something was known, [first, last]. */
export function runsOf(values: readonly (number | null)[]): [number, number][] {
  const runs: [number, number][] = [];
  values.forEach((value, at) => {
    if (value === null) return;
    const last = runs[runs.length - 1];
    if (last && last[1] === at - 1) last[1] = at;
    else runs.push([at, at]);
  });
  return runs;
}

export interface Outline {
  /** paths of SVG: a line for each run, and what lies under it */
  line: string; area: string;
  /** where nothing was heard once something had been: [x, width] */
  gaps: [number, number][];
}

export function outlineOf(series: Series, top: number): Outline {
  const axis = axisOf(series);
  const x = (slot: number) => Number(xOf(axis, timeOf(series, slot)).toFixed(1));
  const y = (slot: number) => Number(yOf(series.values[slot]!, top).toFixed(1));
  const runs = runsOf(series.values);
  const out: Outline = { line: "", area: "", gaps: [] };
  runs.forEach(([first, last], at) => {
    const points: string[] = [];
    for (let slot = first; slot <= last; slot += 1) points.push(`${x(slot)} ${y(slot)}`);
    const path = points.join("L");
    out.line += `M${path}${first === last ? "h1" : ""}`;  // a value alone is a dot
    out.area += `M${x(first)} ${HEIGHT}L${path}L${x(last)} ${HEIGHT}Z`;
    const next = runs[at + 1]?.[0] ?? series.values.length - 1;
    if (next > last + 1 || (at === runs.length - 1 && next > last)) out.gaps.push([x(last), Number((x(next) - x(last)).toFixed(1))]);
  });
  return out;
}

/** What the newest slot says, and the most of all; null: nothing. */
export function rangeOf({ values }: Series): { now: number | null; most: number | null } {
  const known = values.filter((value): value is number => value !== null);
  return { now: values[values.length - 1] ?? null, most: known.length ? Math.max(...known) : null };
}

/** "last 40 s", "last 4 min": how long back the page remembers. */
export function spanOf({ values }: Series): string {
  const span = values.length * SLOT_MS / 1000;
  return span < 120 ? `last ${Math.round(span)} s` : `last ${Math.floor(span / 60)} min`;
}

/** What a course is at a moment. */
export function at(series: Series, slot: number, text: (value: number) => string): string {
  const value = series.values[slot] ?? null;
  return `${value === null ? "not known" : text(value)} at ${moment(timeOf(series, slot))}`;
}

/** The course in words, minute by minute, for those who do not see it. */
export function told(series: Series, text: (value: number) => string): string {
  const { values } = series;
  const { now, most } = rangeOf(series);
  if (most === null) return "Not known yet.";
  const say = (value: number | null | undefined) => (value == null ? "not known" : text(value));
  const minute = 60_000 / SLOT_MS;
  const before: string[] = [];
  for (let ago = 1; values.length - 1 - ago * minute >= 0; ago += 1) before.push(`${plural(ago, "minute")} ago ${say(values[values.length - 1 - ago * minute])}`);
  return `Now ${say(now)}, at most ${text(most)}${before.length ? `; ${before.join(", ")}` : ""}.`;
}
