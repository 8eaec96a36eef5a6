import assert from "node:assert/strict";
import { test } from "node:test";
import type { JobEvent } from "../src/api/types";
import { slotOf, ticks, tracksOf } from "../src/jobs/gantt";

const start = Date.UTC(2026, 0, 1);
const event = (type: string, second: number, more: Partial<JobEvent> = {}): JobEvent =>
  ({ job: "0123456789abcdef", type, at: new Date(start + second * 1000).toISOString(), ...more });
const needs = new Map<string, string[]>([["first", []], ["second", ["first"]]]);
const shape = (events: JobEvent[], now = 100) => tracksOf(events, needs, start + now * 1000).tracks.map((track) =>
  [track.stage, ...track.segments.map((one) => `${one.phase} ${(one.from - start) / 1000}-${(one.to - start) / 1000}${one.outcome ? ` ${one.outcome}` : ""}`)]);

test("a failed attempt is followed by its pause, the wait for a slot, and the next attempt", () => {
  const events = [event("submitted", 0), event("attempt_started", 2, { stage: "first", attempt: 1 }),
    event("attempt_failed", 5, { stage: "first", attempt: 1, cause: "failed", retry_at_ms: start + 8000 }),
    event("attempt_started", 9, { stage: "first", attempt: 2 }), event("stage_done", 12, { stage: "first", attempt: 2 })];
  assert.deepEqual(shape(events, 20), [
    ["first", "ready 0-2", "run 2-5 failed", "backing_off 5-8", "ready 8-9", "run 9-12 done"], ["second", "ready 12-20"]]);
});

test("what runs when the job ends is stopped, and what runs now runs until now", () => {
  const events = [event("submitted", 0), event("attempt_started", 1, { stage: "first", attempt: 1 })];
  assert.deepEqual(shape(events, 7)[0], ["first", "ready 0-1", "run 1-7 running"]);
  assert.deepEqual(shape([...events, event("cancelled", 5)], 7)[0], ["first", "ready 0-1", "run 1-5 stopped"]);
});

test("a stage that needs another is ready when that has ended", () => {
  const events = [event("submitted", 0), event("attempt_started", 0, { stage: "first", attempt: 1 }), event("stage_done", 4, { stage: "first", attempt: 1 }),
    event("attempt_started", 6, { stage: "second", attempt: 1 }), event("stage_done", 7, { stage: "second", attempt: 1 }), event("succeeded", 7)];
  assert.deepEqual(shape(events)[1], ["second", "ready 4-6", "run 6-7 done"]);
});

test("each element of a stage has a track of its own; a skipped stage says why", () => {
  const events = [event("submitted", 0), event("attempt_started", 1, { stage: "first", instance: 0, attempt: 1 }),
    event("attempt_started", 1, { stage: "first", instance: 1, attempt: 1 }), event("stage_skipped", 1, { stage: "second", reason: "its condition is false" }),
    event("failed", 3)];
  const { tracks } = tracksOf(events, needs, start);
  assert.deepEqual(tracks.map((track) => [track.stage, track.instance, track.hasInstances, track.skipped]),
    [["first", 0, true, undefined], ["first", 1, true, undefined], ["second", 0, false, "its condition is false"]]);
});

test("a slot is named by its node, its start and its number", () => {
  assert.deepEqual(slotOf("0dccc8c5c945e995.1.3"), { node: "0dccc8c5c945e995", index: "3", mark: "0dccc8c5c945e995/slot/slot-3" });
  assert.equal(slotOf(undefined), null);
});

test("an axis has few ticks at round moments", () => {
  assert.deepEqual(ticks(26_000, 6), [0, 5000, 10000, 15000, 20000, 25000]);
  assert.ok(ticks(3 * 86_400_000, 6).length <= 7);
});
