// Decisions, alarms and ends of jobs as one line of time. Pure.
import type { Cluster, Job, JobEvent } from "../api/types";

/** A failure is a job that ended as failed or dead, a job one that ended otherwise. */
export type Kind = "alarm" | "decision" | "failure" | "job";
export const KINDS: Kind[] = ["alarm", "decision", "failure", "job"];
export interface Entry { key: string; at: number; kind: Kind; what: string; why: string; isBad: boolean; job?: string; pipeline?: string; hasEnded?: boolean }

/** How many ends of jobs are kept. */
export const KEPT = 300;
/** Of how many jobs that have not ended the pipeline is kept. */
const UNDERWAY = 1000;

/** Alarms have no time of their own: they stand from when this page first saw them. */
export class Timeline {
  private alarms = new Map<string, Entry>();
  private jobs = new Map<string, Entry>();
  private pipelines = new Map<string, string>();
  private decisions: Entry[] = [];

  takeCluster(cluster: Cluster, now: number): void {
    this.decisions = cluster.decisions.map((one, at) => ({
      key: `decision ${one.at} ${at}`, at: Date.parse(one.at), kind: "decision" as const, what: one.what.replace(/_/g, " "), why: one.why, isBad: one.alarming }));
    const standing = new Set(cluster.alarms.map((alarm) => alarm.code));
    for (const [code, entry] of this.alarms) if (!standing.has(code)) entry.hasEnded = true;
    for (const alarm of cluster.alarms) {
      const known = this.alarms.get(alarm.code);
      if (known && !known.hasEnded) known.why = alarm.why;
      else this.alarms.set(alarm.code, { key: `alarm ${alarm.code}`, at: now, kind: "alarm", what: alarm.code.replace(/_/g, " "), why: alarm.why, isBad: true });
    }
  }

  /** What began or ended. Only the beginning tells the pipeline. */
  takeEvent(event: JobEvent): void {
    if (event.type === "submitted") return this.learn(event.job, event.pipeline ?? "");
    const why = event.error?.detail ?? event.detail ?? "";
    this.put({ key: `job ${event.job}`, at: Date.parse(event.at ?? ""), kind: kindOf(event.type), what: event.type, why, isBad: isBad(event.type), job: event.job, ...(this.pipelines.has(event.job) ? { pipeline: this.pipelines.get(event.job)! } : {}) });
    this.pipelines.delete(event.job);
  }

  private learn(job: string, pipeline: string): void {
    this.pipelines.set(job, pipeline);
    if (this.pipelines.size > UNDERWAY) this.pipelines.delete(this.pipelines.keys().next().value!);
  }

  /** Jobs that had ended before the page was opened. */
  takeJobs(jobs: readonly Job[]): void {
    for (const job of jobs) {
      if (!job.ended_at) {
        this.learn(job.id, job.pipeline);
        continue;
      }
      this.put({ key: `job ${job.id}`, at: Date.parse(job.ended_at), kind: kindOf(job.state), what: job.state, why: job.error?.detail ?? "", isBad: isBad(job.state), job: job.id, pipeline: job.pipeline });
    }
  }

  private put(entry: Entry): void {
    const known = this.jobs.get(entry.key);
    this.jobs.set(entry.key, { ...known, ...entry });
    if (this.jobs.size > KEPT) this.jobs.delete(this.jobs.keys().next().value!);
  }

  /** How many ends of jobs are here, and when the first of them was. */
  jobsKept(): { many: number; since: number } {
    return { many: this.jobs.size, since: Math.min(...[...this.jobs.values()].map((entry) => entry.at)) };
  }

  /** Newest first; alarms that stand are above everything. */
  entries(kinds: ReadonlySet<Kind>, text: string): Entry[] {
    const wanted = text.toLowerCase();
    return [...this.alarms.values(), ...this.decisions, ...this.jobs.values()]
      .filter((entry) => kinds.has(entry.kind))
      .filter((entry) => !wanted || `${entry.what} ${entry.why} ${entry.job ?? ""} ${entry.pipeline ?? ""}`.toLowerCase().includes(wanted))
      .sort((a, b) => Number(stands(b)) - Number(stands(a)) || b.at - a.at);
  }
}

function stands(entry: Entry): boolean {
  return entry.kind === "alarm" && !entry.hasEnded;
}

function kindOf(state: string): Kind {
  return isBad(state) ? "failure" : "job";
}

/** A text with the addresses of nodes in place of their ids. */
export function withAddresses(text: string, addresses: ReadonlyMap<string, string>): string {
  return text.replace(/\b[0-9a-f]{16}\b/g, (id) => addresses.get(id) ?? id);
}

function isBad(state: string): boolean {
  return state === "failed" || state === "dead";
}
