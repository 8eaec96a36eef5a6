// The course of a pool as steps: how many nodes there should be, how many work. Pure.
import type { CoursePoint } from "../api/types";

export const WIDTH = 600;
export const HEIGHT = 120;
const EDGE = 4;

/** What of a point is drawn. */
export type Figure = "desired" | "working" | "unfinished";
const PLACE: Record<Figure, 1 | 2 | 3> = { desired: 1, working: 2, unfinished: 3 };

/** A value holds until the next point: a path of SVG in steps, up to the moment `now`. */
export function stepsOf(points: readonly CoursePoint[], figure: Figure, now: number, top: number): string {
  if (points.length === 0) return "";
  const from = points[0]![0];
  const x = (at: number) => Number(((at - from) / Math.max(1, now - from) * WIDTH).toFixed(1));
  const y = (value: number) => Number((HEIGHT - EDGE - Math.min(1, value / Math.max(1, top)) * (HEIGHT - 2 * EDGE)).toFixed(1));
  let path = `M0 ${y(points[0]![PLACE[figure]])}`;
  for (const point of points.slice(1)) path += `H${x(point[0])}V${y(point[PLACE[figure]])}`;
  return `${path}H${WIDTH}`;
}

/** The most that any of these figures was. */
export function topOf(points: readonly CoursePoint[], figures: readonly Figure[]): number {
  return Math.max(1, ...points.flatMap((point) => figures.map((figure) => point[PLACE[figure]])));
}

/** The point that held at a moment; null: before the first. */
export function heldAt(points: readonly CoursePoint[], at: number): CoursePoint | null {
  let held: CoursePoint | null = null;
  for (const point of points) if (point[0] <= at) held = point;
  return held;
}

/** Every change in words, the newest first, for those who do not see the picture. */
export function told(points: readonly CoursePoint[], moment: (at: number) => string): string {
  return [...points].reverse().slice(0, 10).map(([at, desired, working, unfinished]) => `${moment(at)}: ${desired} wanted, ${working} working, ${unfinished} tasks`).join("; ");
}
