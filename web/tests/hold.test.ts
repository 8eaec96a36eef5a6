import assert from "node:assert/strict";
import { test } from "node:test";
import { Hold } from "../src/live/hold";
import { type Mark, Marks } from "../src/live/marks";

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const mark = (path: string, handled: number): Mark => ({ path, kind: "node", name: path, parent: null, actors: 1, waiting: 0, handled, busy_seconds: 0,
  in_line_seconds: 0, received: {}, restarts: 0 });
function cluster(): Marks {
  const marks = new Marks();
  marks.apply({ seq: 1, at: at(0), full: true, marks: [mark("a", 0)], gone: [] });
  marks.apply({ seq: 2, at: at(1), marks: [mark("a", 10)], gone: [] });
  return marks;
}

test("held marks and their rates stay as they were, while the live ones go on", () => {
  const live = cluster();
  const hold = new Hold();
  hold.turn(live, 1000);
  live.apply({ seq: 3, at: at(2), marks: [mark("a", 110), mark("b", 0)], gone: [] });

  const held = hold.state.now!;

  assert.equal(held.since, 1000);
  assert.deepEqual(held.marks.membersOf(""), ["a"]);
  assert.equal(held.marks.rates("a").handled, 10);
  assert.deepEqual(live.membersOf(""), ["a", "b"]);
  assert.equal(live.rates("a").handled, 55);
});

test("held values are those that were seen last, and after it the live ones", () => {
  const hold = new Hold();
  assert.equal(hold.keep("node", 1), 1);
  hold.turn(cluster(), 5000);
  assert.equal(hold.keep("node", 2), 1);
  assert.equal(hold.keep("node", null), 1);
  assert.equal(hold.clock(9000), 5000);
  hold.turn(cluster(), 9000);
  assert.equal(hold.state.now, null);
  assert.equal(hold.keep("node", null), null);
  assert.equal(hold.keep("node", 2), 2);
  assert.equal(hold.clock(9000), 9000);
  hold.release();
  hold.turn(cluster(), 9500);
  assert.equal(hold.keep("node", null), null);
});

test("what was not known when it was held is held from when it comes", () => {
  const hold = new Hold();
  hold.turn(cluster(), 0);
  assert.equal(hold.keep("dead", null), null);
  assert.equal(hold.keep("dead", 4), 4);
  assert.equal(hold.keep("dead", 5), 4);
});

test("a value that was not shown any more before is not shown as of long ago", () => {
  const hold = new Hold();
  hold.keep("node", 1);
  hold.forget("node");
  hold.turn(cluster(), 0);
  assert.equal(hold.keep("node", 2), 2);
  hold.forget("node");
  assert.equal(hold.keep("node", 3), 2);
});

test("letting go tells the view, once, and letting go again tells nothing", () => {
  const hold = new Hold();
  const told: boolean[] = [];
  hold.state.on((held) => told.push(held !== null));
  hold.turn(cluster(), 0);
  hold.release();
  hold.release();
  assert.deepEqual(told, [true, false]);
});
