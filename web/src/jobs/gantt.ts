// From the events of a job to what its stages did when: waiting, attempts, pauses. Pure.
import type { JobEvent } from "../api/types";

export type Phase = "ready" | "run" | "backing_off";
export interface Segment {
  phase: Phase; from: number; to: number; attempt: number;
  /** of an attempt: how it ended, or that it runs */
  outcome?: "done" | "failed" | "stopped" | "running";
  slot?: string; cause?: string; detail?: string;
}
export interface Track { stage: string; instance: number; hasInstances: boolean; segments: Segment[]; skipped?: string }

interface Task { track: Track; readySince: number | null; run: Segment | null; pauseUntil: number | null; isDone: boolean }

/** The tracks of a job in the order in which its stages first did something, and the span of time they cover. */
export function tracksOf(events: readonly JobEvent[], needs: ReadonlyMap<string, readonly string[]>, now: number): { tracks: Track[]; from: number; to: number } {
  const reader = new Reader(needs);
  for (const event of events) reader.take(event);
  return reader.finish(now);
}

const ENDS = new Set(["succeeded", "failed", "cancelled", "dead"]);

class Reader {
  private tasks = new Map<string, Task>();
  private closed = new Map<string, number>();
  private begun = 0;
  private ended: number | null = null;

  constructor(private readonly needs: ReadonlyMap<string, readonly string[]>) {}

  take(event: JobEvent): void {
    const at = Date.parse(event.at ?? "");
    if (event.type === "submitted") this.begun = at;
    else if (event.type === "attempt_started") this.start(event, at);
    else if (event.type === "attempt_failed") this.fail(event, at);
    else if (event.type === "stage_done") this.done(event, at);
    else if (event.type === "stage_reopened") this.reopen(event, at);
    else if (event.type === "stage_skipped") {
      this.task(event).track.skipped = event.reason ?? "";
      this.closed.set(event.stage!, at);
    } else if (ENDS.has(event.type)) this.ended = at;
  }

  private task(event: JobEvent): Task {
    const key = `${event.stage}#${event.instance ?? 0}`;
    let task = this.tasks.get(key);
    if (!task) {
      const track: Track = { stage: event.stage!, instance: event.instance ?? 0, hasInstances: event.instance !== undefined, segments: [] };
      task = { track, readySince: this.openedAt(event.stage!), run: null, pauseUntil: null, isDone: false };
      this.tasks.set(key, task);
    }
    return task;
  }

  /** A stage is ready when all that it needs has ended; unknown if its pipeline is. */
  private openedAt(stage: string): number | null {
    const needs = this.needs.get(stage);
    if (!needs) return null;
    return Math.max(this.begun, ...needs.map((need) => this.closed.get(need) ?? 0));
  }

  private start(event: JobEvent, at: number): void {
    const task = this.task(event);
    if (task.pauseUntil !== null) this.endPause(task, Math.min(task.pauseUntil, at));
    if (task.readySince !== null && at >= task.readySince) {
      task.track.segments.push({ phase: "ready", from: task.readySince, to: at, attempt: event.attempt ?? 1 });
    }
    task.run = { phase: "run", from: at, to: at, attempt: event.attempt ?? 1, outcome: "running", slot: event.slot };
    task.track.segments.push(task.run);
    task.readySince = null;
    task.isDone = false;
  }

  private endPause(task: Task, to: number): void {
    const pause = task.track.segments[task.track.segments.length - 1];
    if (pause?.phase === "backing_off") pause.to = to;
    task.readySince = to;
    task.pauseUntil = null;
  }

  private fail(event: JobEvent, at: number): void {
    const task = this.task(event);
    if (task.run) Object.assign(task.run, { to: at, outcome: "failed", cause: event.cause, detail: event.detail });
    task.run = null;
    if (event.retry_at_ms !== undefined) {
      task.track.segments.push({ phase: "backing_off", from: at, to: event.retry_at_ms, attempt: event.attempt ?? 1, detail: event.detail });
      task.pauseUntil = event.retry_at_ms;
    } else {
      task.readySince = at;
    }
  }

  private done(event: JobEvent, at: number): void {
    const task = this.task(event);
    if (task.run) Object.assign(task.run, { to: at, outcome: "done" });
    task.run = null;
    task.isDone = true;
    task.readySince = null;
    this.closed.set(event.stage!, at);
  }

  private reopen(event: JobEvent, at: number): void {
    const task = this.task(event);
    task.isDone = false;
    task.readySince = at;
  }

  finish(now: number): { tracks: Track[]; from: number; to: number } {
    const end = this.ended ?? Math.max(now, this.begun);
    for (const [stage] of this.needs) this.waiting(stage);
    for (const task of this.tasks.values()) {
      if (task.run) Object.assign(task.run, { to: end, outcome: this.ended === null ? "running" : "stopped" });
      else if (task.pauseUntil !== null) this.endPause(task, Math.min(task.pauseUntil, end));
      if (!task.run && !task.isDone && task.track.skipped === undefined && task.readySince !== null && end > task.readySince) {
        const last = task.track.segments[task.track.segments.length - 1];
        if (this.ended === null || last) task.track.segments.push({ phase: "ready", from: task.readySince, to: end, attempt: (last?.attempt ?? 0) + 1 });
      }
    }
    if (this.ended !== null) this.trimEnd();
    return { tracks: [...this.tasks.values()].map((task) => task.track), from: this.begun, to: Math.max(end, this.begun + 1) };
  }

  /** A stage that has done nothing yet, but may: it waits for a slot. */
  private waiting(stage: string): void {
    const needs = this.needs.get(stage) ?? [];
    if (this.ended === null && !this.tasks.has(`${stage}#0`) && needs.every((need) => this.closed.has(need))) this.task({ job: "", type: "", stage });
  }

  /** What ended the job is no waiting. */
  private trimEnd(): void {
    for (const { track } of this.tasks.values()) {
      const last = track.segments[track.segments.length - 1];
      if (last?.phase === "ready" && last.to === this.ended && last.to - last.from < 5) track.segments.pop();
    }
  }
}

/** NODE.START.INDEX as events name a slot. */
export function slotOf(text: string | undefined): { node: string; index: string; mark: string } | null {
  const parts = text?.split(".") ?? [];
  if (parts.length !== 3) return null;
  return { node: parts[0]!, index: parts[2]!, mark: `${parts[0]}/slot/slot-${parts[2]}` };
}

/** Round moments for an axis: at most `many` of them, in milliseconds after the beginning. */
export function ticks(span: number, many: number): number[] {
  const steps = [100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 3e4, 6e4, 12e4, 3e5, 6e5, 18e5, 36e5, 108e5, 216e5, 864e5];
  const step = steps.find((one) => span / one <= many) ?? span / many;
  const out: number[] = [];
  for (let at = 0; at <= span; at += step) out.push(at);
  return out;
}
