import assert from "node:assert/strict";
import { test } from "node:test";
import type { Cluster, Job, JobPage, NodeState } from "../src/api/types";
import { Arrivals, pace, PerMinute, Traffic } from "../src/trend/counts";
import { CLUSTER, DEAD, Figures, NAMES, type Name, NEWEST, NODE } from "../src/trend/figures";
import { axisOf, outlineOf, rangeOf, slotAt, spanOf, told } from "../src/trend/line";
import { Ring, SLOT_MS } from "../src/trend/ring";

test("the ring keeps a value for each slot, and of several in one the last", () => {
  const ring = new Ring(2, 5, 1000);
  ring.put(10_000, [1, null]);
  ring.put(10_900, [2, 7]);
  ring.put(11_100, [3, 8]);
  assert.deepEqual(ring.series(0), { begin: 10_000, values: [2, 3] });
  assert.deepEqual(ring.series(1).values, [7, 8]);
});

test("the ring forgets what is older than it is long", () => {
  const ring = new Ring(1, 5, 1000);
  for (let second = 0; second < 1000; second += 1) ring.put(second * 1000, [second]);
  assert.deepEqual(ring.series(0), { begin: 995_000, values: [995, 996, 997, 998, 999] });
});

test("slots in which nothing was taken are empty, also where the ring had something before", () => {
  const ring = new Ring(1, 5, 1000);
  for (let second = 0; second < 5; second += 1) ring.put(second * 1000, [second]);
  ring.put(7000, [7]);
  assert.deepEqual(ring.series(0), { begin: 3000, values: [3, 4, null, null, 7] });
  ring.put(1_000_000, [9]);
  assert.deepEqual(ring.series(0).values, [null, null, null, null, 9]);
});

test("a clock that is set back begins the ring anew; an empty one has nothing", () => {
  const ring = new Ring(1, 5, 1000);
  assert.deepEqual(ring.series(0).values, []);
  ring.put(9000, [9]);
  ring.put(4000, [4]);
  assert.deepEqual(ring.series(0), { begin: 4000, values: [4] });
});

const listed = (from: number, to: number, secondOf = (id: number) => id) =>
  Array.from({ length: from - to + 1 }, (_, k) => ({ id: String(from - k), created_at: new Date(secondOf(from - k) * 1000).toISOString() }));

test("what is new in a list is what was not there, as long as the list shows it all", () => {
  const arrivals = new Arrivals(10);
  assert.equal(arrivals.take(listed(2, 1)), null);
  assert.deepEqual(arrivals.take(listed(5, 1)), { many: 3, isAll: true });
  assert.deepEqual(arrivals.take(listed(12, 3)), { many: 7, isAll: true });
  assert.deepEqual(arrivals.take(listed(13, 4).filter((one) => one.id !== "8").concat(listed(3, 3))), { many: 1, isAll: true });
  assert.deepEqual(arrivals.take(listed(40, 31)), { many: 10, isAll: false });
});

test("a list of older jobs that moved up, because others were removed, has nothing new below", () => {
  const arrivals = new Arrivals(3);
  arrivals.take(listed(9, 7));
  assert.deepEqual(arrivals.take([...listed(9, 9), ...listed(6, 5)]), { many: 0, isAll: true });
});

test("a full list tells how many came that it does not show, unless they came at once", () => {
  assert.equal(pace(listed(100, 1, (id) => id / 50)), 50);
  assert.equal(pace(listed(100, 1, () => 7)), null);
  assert.equal(pace([...listed(100, 91, (id) => id), ...listed(90, 1, () => 80)]), null);
  assert.equal(pace([]), null);
});

test("a rate per minute is the growth of the last minute, and of less while less was seen", () => {
  const rate = new PerMinute();
  assert.equal(rate.take(0, 100), null);
  assert.equal(rate.take(4000, 104), null);
  assert.equal(rate.take(10_000, 110), 60);
  for (let second = 20; second <= 200; second += 10) rate.take(second * 1000, 110);
  assert.equal(rate.take(210_000, 115), 5);
});

test("messages a second are the growth of all nodes; one that came or began anew counts later", () => {
  const traffic = new Traffic();
  assert.equal(traffic.take(1000, [{ path: "a", handled: 10 }, { path: "b", handled: 500 }]), null);
  assert.equal(traffic.take(3000, [{ path: "a", handled: 50 }, { path: "b", handled: 20 }, { path: "c", handled: 90 }]), 20);
  assert.equal(traffic.take(3000, [{ path: "a", handled: 90 }]), null);
});

const node = (queued: number, running: number) => ({ jobs_queued: queued, jobs_running: running, tasks_ready: queued }) as NodeState;
const page = (from: number, to: number, secondOf?: (id: number) => number): JobPage => ({ jobs: listed(from, to, secondOf) as Job[], next_cursor: null });
const courseOf = (figures: Figures, name: Name) => figures.courses()[NAMES.indexOf(name)]!;
const newestOf = (figures: Figures, name: Name) => courseOf(figures, name).values.at(-1);

test("jobs that ended are those that came and are not unended any more", () => {
  const figures = new Figures(0);
  for (let second = 0; second <= 60; second += 3) {
    figures.heard(NEWEST, page(100 + second * 2, 1 + second * 2), second * 1000);  // two a second come
    figures.heard(NODE, node(second, 2), second * 1000);  // one a second stays
    figures.keep(second * 1000);
  }
  assert.equal(newestOf(figures, "ended"), 60);
  assert.equal(newestOf(figures, "queued"), 60);
});

test("a batch that no list shows whole is known from the unended jobs that it made, and none of it counts as ended before it has", () => {
  const figures = new Figures(0);
  const look = (second: number, newest: number, unended: number) => {
    figures.heard(NEWEST, page(newest, newest - 99, () => second), second * 1000);
    figures.heard(NODE, node(unended, 0), second * 1000);
    figures.keep(second * 1000);
  };
  for (let second = 0; second <= 9; second += 3) look(second, 100, 0);
  look(12, 5000, 4900);
  assert.equal(newestOf(figures, "ended"), 0);
  for (let second = 15; second <= 60; second += 3) look(second, 5000, 4900 - 10 * (second - 12));
  assert.equal(newestOf(figures, "ended"), 480);
});

test("many short jobs, of which a list shows a part, are estimated from its times", () => {
  const figures = new Figures(0);
  for (let second = 0; second <= 60; second += 3) {
    figures.heard(NEWEST, page(1000 + second * 50, 901 + second * 50, (id) => (id - 1000) / 50), second * 1000);
    figures.heard(NODE, node(0, 3), second * 1000);
    figures.keep(second * 1000);
  }
  assert.ok(Math.abs(newestOf(figures, "ended")! - 3000) < 1, String(newestOf(figures, "ended")));
});

test("a figure that is not heard again in time is not known, whatever it was", () => {
  const figures = new Figures(0);
  figures.heard(NODE, node(7, 0), 0);
  for (let at = 0; at <= 12_000; at += SLOT_MS) figures.keep(at);
  assert.deepEqual(courseOf(figures, "queued").values, [7, 7, 7, 7, 7, null, null]);
});

test("after a silence nothing of before is shown, and rates begin anew", () => {
  const figures = new Figures(0);
  const look = (second: number) => {
    figures.heard(NODE, node(7, 0), second * 1000);
    figures.heard(DEAD, page(second, 1), second * 1000);
    figures.keep(second * 1000);
  };
  for (let second = 2; second <= 10; second += 2) look(second);
  assert.equal(newestOf(figures, "failing"), 60);
  figures.fallSilent(11_000);
  figures.keep(12_000);
  assert.equal(newestOf(figures, "queued"), null);
  look(14);
  assert.equal(newestOf(figures, "queued"), 7);
  assert.equal(newestOf(figures, "failing"), null);
});

test("a machine that slept has heard nothing: rates do not reach over its sleep", () => {
  const figures = new Figures(0);
  const look = (second: number, dead: number) => {
    figures.heard(DEAD, page(dead, 1), second * 1000);
    figures.keep(second * 1000);
  };
  for (let second = 0; second <= 10; second += 2) look(second, 5);
  figures.keep(3_600_000);
  look(3602, 65);
  assert.equal(newestOf(figures, "failing"), null);
  look(3608, 65);
  assert.equal(newestOf(figures, "failing"), 0);
});

test("failures are not known while more jobs wait than a node looks through for them", () => {
  const figures = new Figures(0);
  const look = (second: number, unended: number) => {
    figures.heard(NODE, node(unended, 0), second * 1000);
    figures.heard(DEAD, page(5, 1), second * 1000);
    figures.keep(second * 1000);
  };
  for (let second = 0; second <= 10; second += 5) look(second, 10);
  assert.equal(newestOf(figures, "failing"), 0);
  look(15, 5000);
  assert.equal(newestOf(figures, "failing"), null);
});

test("slots at work are of all slots", () => {
  const figures = new Figures(0);
  figures.heard(CLUSTER, { nodes: [{ tasks: 2, slots: 4 }, { tasks: 1 }] } as Cluster, 0);
  figures.keep(0);
  assert.deepEqual([courseOf(figures, "busy").values, courseOf(figures, "busy").ceiling], [[3], 4]);
});

test("only what nobody else asks for is asked, none of it often, and never what the node refuses", () => {
  const figures = new Figures(0);
  figures.refuse(CLUSTER);
  const asked = new Map<string, number>();
  for (let at = 0; at < 60_000; at += 1000) {
    figures.heard(NODE, node(0, 0), at);
    for (const path of figures.due(at)) asked.set(path, (asked.get(path) ?? 0) + 1);
  }
  assert.equal(asked.get(NODE), undefined);
  assert.equal(asked.get(CLUSTER), undefined);
  assert.equal(asked.get(NEWEST), 12);
  assert.equal(asked.get(DEAD), 6);
});

const series = (...values: (number | null)[]) => ({ begin: 0, values });
const filled = (many: number) => series(...Array.from({ length: many }, (_, at) => at));

test("a line has a gap where nothing was heard, and a value alone is a dot", () => {
  const { line, gaps } = outlineOf(series(null, ...Array<number>(20).fill(0), null, null, 5, null, 5, ...Array<number>(5).fill(5), null), 5);
  assert.equal(line.match(/M/g)?.length, 3);
  assert.equal(line.match(/h1/g)?.length, 1);
  assert.equal(gaps.length, 3);
  assert.equal(outlineOf(series(), 1).line, "");
  assert.deepEqual(outlineOf(series(null, null), 1), { line: "", area: "", gaps: [] });
});

test("few seconds are not stretched over the whole width, and any place of it leads to a slot that has been", () => {
  assert.deepEqual(axisOf(filled(4)), { from: -54_000, to: 6000 });
  assert.deepEqual(axisOf(filled(100)), { from: 0, to: 198_000 });
  assert.equal(slotAt(filled(4), 0), 0);
  assert.equal(slotAt(filled(4), 1), 3);
  assert.equal(slotAt(filled(101), 0.5), 50);
});

test("a course is said in words: now, the most, and minute by minute", () => {
  const course = filled(75);
  assert.deepEqual(rangeOf(course), { now: 74, most: 74 });
  assert.equal(told(course, String), "Now 74, at most 74; 1 minute ago 44, 2 minutes ago 14.");
  assert.equal(told(series(4, null), String), "Now not known, at most 4.");
  assert.equal(told(series(null), String), "Not known yet.");
  assert.deepEqual([spanOf(filled(20)), spanOf(filled(75)), spanOf(filled(300))], ["last 40 s", "last 2 min", "last 10 min"]);
});
