import assert from "node:assert/strict";
import { test } from "node:test";
import type { CoursePoint } from "../src/api/types";
import { heldAt, HEIGHT, stepsOf, told, topOf, WIDTH } from "../src/scaling/course";

const points: CoursePoint[] = [[1000, 1, 1, 0], [2000, 3, 1, 40], [3000, 3, 3, 25]];

test("a value holds until the next point, and the last one until now", () => {
  assert.equal(stepsOf(points, "desired", 5000, 3), `M0 ${(HEIGHT - 4 - (HEIGHT - 8) / 3).toFixed(1)}H150V4H300V4H${WIDTH}`);
  assert.equal(stepsOf([], "working", 5000, 3), "");
});

test("the height fits the most of the figures that share it", () => {
  assert.equal(topOf(points, ["desired", "working"]), 3);
  assert.equal(topOf(points, ["unfinished"]), 40);
  assert.equal(topOf([], ["working"]), 1);
});

test("a moment shows the point that held then", () => {
  assert.equal(heldAt(points, 999), null);
  assert.deepEqual(heldAt(points, 2999), points[1]);
  assert.deepEqual(heldAt(points, 9000), points[2]);
});

test("the course is told in words, the newest first", () => {
  assert.equal(told(points.slice(1), (at) => `at ${at}`), "at 3000: 3 wanted, 3 working, 25 tasks; at 2000: 3 wanted, 1 working, 40 tasks");
});
