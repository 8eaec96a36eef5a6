import assert from "node:assert/strict";
import { test } from "node:test";
import type { Cluster, Job } from "../src/api/types";
import { KINDS, Timeline, withAddresses } from "../src/events/timeline";
import { bytes, rate, seconds, words } from "../src/format";
import { linkTo, linkToMark, parseRoute } from "../src/route";
import { recentOf } from "../src/jobs/recent";
import { Marks } from "../src/live/marks";
import { flow } from "../src/topology/edges";
import { columns, neighbour } from "../src/topology/layout";

test("a link leads back to its route", () => {
  const link = linkTo("jobs", ["0123456789abcdef"], { state: "dead", label: "team:blue", cursor: "" });
  assert.deepEqual(parseRoute(link), { view: "jobs", rest: ["0123456789abcdef"], query: { state: "dead", label: "team:blue" } });
  assert.deepEqual(parseRoute(linkToMark("id/slot/slot-3")).rest, ["id", "slot", "slot-3"]);
});

test("what is no route is the topology", () => {
  for (const hash of ["", "#", "#/nonsense", "#/%E0%A4%A"]) assert.equal(parseRoute(hash).view, "topology");
});

test("numbers have the unit that fits", () => {
  assert.deepEqual([0.0000123, 0.0045, 3.21, 60, 95, 7300].map(seconds), ["12 µs", "4.5 ms", "3.2 s", "1 min", "1 min 35 s", "2 h 1 min"]);
  assert.deepEqual([0, 0.04, 3.21, 45.4, 1230].map(rate), ["0", "0.04", "3.2", "45", "1,230"]);
  assert.equal(rate(null), "–");
  assert.equal(bytes(249_000), "249 kB");
  assert.equal(words("seconds_per_picture"), "Seconds per picture");
});

test("nodes stand in as many columns as make them largest", () => {
  assert.equal(columns(1, 2), 1);
  assert.equal(columns(3, 3), 3);
  assert.equal(columns(4, 1), 2);
  assert.equal(columns(3, 0.4), 1);
});

test("an arrow key leads to the nearest mark in its direction, or nowhere", () => {
  const spot = (path: string, x: number, y: number) => ({ path, depth: 1, x, y, r: 1, isOpen: false });
  const all = [spot("a", 0, 0), spot("b", 10, 1), spot("c", 30, 0), spot("d", 0, 10)];
  assert.equal(neighbour(all, all[0]!, 1, 0)?.path, "b");
  assert.equal(neighbour(all, all[0]!, 0, 1)?.path, "d");
  assert.equal(neighbour(all, all[0]!, -1, 0), null);
});

test("an alarm that stands is on top; one that is over stays in its place", () => {
  const timeline = new Timeline();
  const cluster = (alarms: Cluster["alarms"]): Cluster => ({ seen_by: "", leads: true, leader: null, term: 1, log_index: 1, version: 1, voters: 1,
    losses_survived: 0, nodes: [], alarms, decisions: [{ at: "2026-01-01T00:00:10.000Z", what: "node_drained", why: "asked", alarming: false }] });
  const all = new Set(["alarm", "decision", "job"] as const);
  timeline.takeCluster(cluster([{ code: "node_silent", why: "n" }]), Date.UTC(2026, 0, 1));
  assert.deepEqual(timeline.entries(all, "").map((one) => one.kind), ["alarm", "decision"]);
  timeline.takeCluster(cluster([]), Date.UTC(2026, 0, 1));
  assert.deepEqual(timeline.entries(all, "").map((one) => one.kind), ["decision", "alarm"]);
  assert.equal(timeline.entries(all, "silent").length, 1);
  assert.equal(timeline.entries(new Set(["job"] as const), "").length, 0);
});

test("the end of a job has the pipeline that its beginning named", () => {
  const timeline = new Timeline();
  const all = new Set(KINDS);
  timeline.takeEvent({ job: "1", type: "submitted", pipeline: "echo" });
  timeline.takeEvent({ job: "1", type: "succeeded", at: "2026-01-01T00:00:00.000Z" });
  timeline.takeEvent({ job: "2", type: "succeeded", at: "2026-01-01T00:00:01.000Z" });
  assert.deepEqual(timeline.entries(all, "").map((one) => [one.job, one.pipeline]), [["2", undefined], ["1", "echo"]]);
  timeline.takeEvent({ job: "3", type: "dead", at: "2026-01-01T00:00:02.000Z" });
  assert.deepEqual(timeline.entries(new Set(["failure"] as const), "").map((one) => one.job), ["3"]);
  assert.deepEqual(timeline.jobsKept(), { many: 3, since: Date.UTC(2026, 0, 1) });
});

test("nodes that send to each other have a line, from their links where these are seen", () => {
  const marks = new Marks();
  const none = { kind: "node", parent: null, actors: 1, waiting: 0, handled: 0, busy_seconds: 0, in_line_seconds: 0, received: {}, restarts: 0 };
  const say = (second: number, frames: number) => marks.apply({
    seq: second, at: new Date(second * 1000).toISOString(), full: second === 0, gone: [],
    marks: [{ ...none, path: "a", name: "a", sent_to: { b: frames, gone: frames } }, { ...none, path: "b", name: "b", sent_to: { a: 7 } }],
  });
  say(0, 10);
  say(1, 40);
  assert.deepEqual(flow(marks, new Set(), ""), [{ from: "a", to: "b", rate: 30 }]);

  marks.apply({ seq: 2, at: new Date(2000).toISOString(), gone: [], marks: [{ ...none, path: "a/links", name: "links" }] });
  assert.deepEqual(flow(marks, new Set(["a"]), "")[0], { from: "a/links", to: "b", rate: 15 });
});

test("nodes are named by their addresses where these are known", () => {
  const addresses = new Map([["00000000000000ab", "host:1"]]);
  assert.equal(withAddresses("node 00000000000000ab took the place of node 00000000000000cd", addresses), "node host:1 took the place of node 00000000000000cd");
});

test("the newest jobs tell how many come, how long they wait, and what fails", () => {
  const job = (second: number, state: string, pipeline: string, waited: number | null): Job => ({
    state, pipeline, created_at: new Date(second * 1000).toISOString(), started_at: waited === null ? null : new Date(second * 1000 + waited).toISOString() } as Job);
  const jobs = [job(9, "queued", "film", null), job(8, "running", "film", 30), job(6, "dead", "film", 20), job(4, "failed", "echo", 5), job(2, "failed", "echo", 10), job(0, "succeeded", "echo", 900)];

  const recent = recentOf(jobs, 12_000);

  assert.equal(recent.perSecond, 0.5);
  assert.deepEqual([recent.ended, recent.lost, recent.worst], [4, 3, { pipeline: "echo", lost: 2 }]);
  assert.deepEqual(recent.wait, { half: 0.02, most: 0.03 });
  assert.deepEqual(recentOf([], 0), { ended: 0, perSecond: null, lost: 0, worst: null, wait: null });
});
