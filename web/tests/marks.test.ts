import assert from "node:assert/strict";
import { test } from "node:test";
import { healthOf, type Mark, Marks } from "../src/live/marks";

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const mark = (path: string, more: Partial<Mark> = {}): Mark => ({ path, kind: "slot", name: path.split("/").pop()!, parent: null, state: "running", actors: 1,
  waiting: 0, handled: 0, busy_seconds: 0, in_line_seconds: 0, received: {}, restarts: 0, ...more });

test("a rate is the difference of two messages by the difference of their times", () => {
  const marks = new Marks();
  marks.apply({ seq: 1, at: at(0), full: true, marks: [mark("a", { handled: 100, busy_seconds: 1, received: { http: 50 } })], gone: [] });
  marks.apply({ seq: 2, at: at(1), marks: [mark("a", { handled: 140, busy_seconds: 1.2, in_line_seconds: 0.4, received: { http: 70, hub: 20 } })], gone: [] });

  const rates = marks.rates("a");

  assert.equal(rates.handled, 40);
  assert.ok(Math.abs(rates.busy! - 0.2) < 1e-9);
  assert.ok(Math.abs(rates.meanTime! - 0.005) < 1e-9);
  assert.ok(Math.abs(rates.meanWait! - 0.01) < 1e-9);
  assert.equal(marks.rateFrom("a", "http"), 20);
  assert.equal(marks.rateFrom("a", "hub"), 20);
});

test("one message alone gives no rate", () => {
  const marks = new Marks();
  marks.apply({ seq: 1, at: at(0), full: true, marks: [mark("a", { handled: 100 })], gone: [] });
  assert.equal(marks.rates("a").handled, null);
  assert.equal(marks.rates("nobody").handled, null);
});

test("a mark that is not sent again has not changed: its rate falls to nothing", () => {
  const marks = new Marks();
  marks.apply({ seq: 1, at: at(0), full: true, marks: [mark("a", { handled: 0 })], gone: [] });
  marks.apply({ seq: 2, at: at(1), marks: [mark("a", { handled: 10 })], gone: [] });
  for (let second = 2; second <= 5; second += 1) marks.apply({ seq: second + 1, at: at(second), marks: [], gone: [] });
  assert.equal(marks.rates("a").handled, 0);
});

test("a counter that falls belongs to a new start: no negative rate", () => {
  const marks = new Marks();
  marks.apply({ seq: 1, at: at(0), full: true, marks: [mark("a", { handled: 1000 })], gone: [] });
  marks.apply({ seq: 2, at: at(1), marks: [mark("a", { handled: 5 })], gone: [] });
  assert.equal(marks.rates("a").handled, null);
  marks.apply({ seq: 3, at: at(2), marks: [mark("a", { handled: 8 })], gone: [] });
  assert.equal(marks.rates("a").handled, 3);
});

test("what goes takes its members along, and a full message forgets what it does not name", () => {
  const marks = new Marks();
  marks.apply({ seq: 1, at: at(0), full: true, marks: ["n", "n/slot", "n/slot/slot-10", "n/slot/slot-2", "m"].map((path) => mark(path)), gone: [] });
  assert.deepEqual(marks.membersOf("n/slot"), ["n/slot/slot-2", "n/slot/slot-10"]);

  marks.apply({ seq: 2, at: at(1), marks: [], gone: ["n/slot"] });
  assert.equal(marks.get("n/slot/slot-2"), undefined);

  marks.apply({ seq: 1, at: at(2), full: true, marks: [mark("m")], gone: [] });
  assert.deepEqual(marks.all().map((one) => one.path), ["m"]);
});

test("what was handled while nobody listened is not taken for the work of the last seconds", () => {
  const marks = new Marks();
  marks.apply({ seq: 1, at: at(0), full: true, marks: [mark("a", { handled: 0 })], gone: [] });
  marks.apply({ seq: 1, at: at(50), full: true, marks: [mark("a", { handled: 5000 })], gone: [] });
  assert.equal(marks.rates("a").handled, null);
  marks.apply({ seq: 2, at: at(51), marks: [mark("a", { handled: 5010 })], gone: [] });
  assert.equal(marks.rates("a").handled, 10);
});

test("health: state first, then the mailbox, then the work", () => {
  const quiet = { handled: 0, busy: 0, meanTime: null, meanWait: null, stillFor: null };
  assert.equal(healthOf(mark("a", { state: "silent" }), quiet), "bad");
  assert.equal(healthOf(mark("a", { waiting: 1000 }), quiet), "warn");
  assert.equal(healthOf(mark("a", { kind: "shard" }), { ...quiet, busy: 0.95 }), "warn");
  assert.equal(healthOf(mark("a"), { ...quiet, handled: 3 }), "well");
  assert.equal(healthOf(mark("a"), quiet), "idle");
});

test("an attempt that stands still is worth a look after a while; one that never said how far it is, is not", () => {
  const marks = new Marks();
  const at = (second: number) => new Date(second * 1000).toISOString();
  const slot = (permille: number, attempt = 1) => mark("a", { doing: { job: "1", stage: "work", instance: 0, attempt, permille, since: at(0) } });
  const say = (second: number, marked: Mark[]) => marks.apply({ seq: second + 1, at: at(second), full: second === 0, marks: marked, gone: [] });
  say(0, [slot(0)]);
  say(100, []);
  assert.equal(marks.rates("a").stillFor, null);
  say(101, [slot(400)]);
  say(150, []);
  assert.equal(marks.rates("a").stillFor, 49);
  assert.equal(healthOf(marks.get("a")!, marks.rates("a")), "busy");
  say(165, []);
  assert.equal(healthOf(marks.get("a")!, marks.rates("a")), "warn");
  say(166, [slot(410)]);
  assert.equal(marks.rates("a").stillFor, 0);
  say(300, [slot(410, 2)]);
  assert.equal(marks.rates("a").stillFor, 0);
});
