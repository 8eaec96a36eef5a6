// What the REST API answers, as /openapi.json describes it.

export type JobState = "queued" | "running" | "succeeded" | "failed" | "cancelled" | "dead";
export const JOB_STATES: JobState[] = ["queued", "running", "succeeded", "failed", "cancelled", "dead"];
export type StageState = "waiting" | "ready" | "running" | "backing_off" | "done" | "skipped" | "failed" | "cancelled";

export interface Failure { cause: string; detail: string; stderr: string }
export interface Stage {
  name: string; kind: string; state: StageState; instances: number; instances_done: number; attempts: number; permille: number;
  frames_done: number; frames_total: number; eta_ms: number | null; message: string; started_at: string | null; ended_at: string | null;
  reason: string; outputs: unknown; last_failure: Failure | null;
}
export interface Job {
  id: string; pipeline: string; pipeline_hash: string; state: JobState; revision: number; priority: number; labels: Record<string, string>;
  created_at: string; started_at: string | null; ended_at: string | null; deadline: string | null; permille: number;
  /** That its tasks wait for an operator, since when and why; a node of an earlier release does not say it. */
  paused?: string | null;
  inputs?: Record<string, unknown>; stages?: Stage[]; result?: Record<string, unknown> | null;
  error: { stage: string; cause: string; detail: string } | null;
}
export interface JobPage { jobs: Job[]; next_cursor: string | null }

/** An event of a job; `progress` alone has no revision and no time. */
export interface JobEvent {
  job: string; type: string; revision?: number; at?: string; pipeline?: string; stage?: string; instance?: number; attempt?: number;
  slot?: string; cause?: string; detail?: string; reason?: string; retry_at_ms?: number; outputs?: Record<string, unknown>;
  error?: { stage: string; cause: string; detail: string }; permille?: number; message?: string; eta_ms?: number;
}
export const JOURNALLED = ["submitted", "attempt_started", "stage_done", "stage_reopened", "stage_skipped", "attempt_failed", "succeeded",
  "failed", "cancelled", "dead"];

export interface Member {
  id: string; incarnation: string; address: string; role: "leader" | "voter" | "learner" | "joining"; state: "active" | "draining" | "drained";
  tasks: number; program?: string; domain?: string; roles?: string[]; slots?: number; labels?: string[]; behind?: number; silent_ms?: number;
}
export interface Alarm { code: string; why: string }
export interface Decision { at: string; what: string; why: string; alarming: boolean }
export interface Cluster {
  seen_by: string; leads: boolean; leader: string | null; term: number; log_index: number; version: number; voters: number;
  losses_survived: number | null; nodes: Member[]; alarms: Alarm[]; decisions: Decision[];
}
export interface ShardState { shard: number; leader: string | null; role: string; term: number; applied: number; jobs: number }
export interface NodeState {
  id: string; ready: boolean; why_not_ready: string; members: Member[]; jobs_queued: number; jobs_running: number; tasks_ready: number;
  queue_limit: number; log_index: number; log_term: number; shards: ShardState[];
  pauses?: number; jobs_paused?: number; tasks_paused?: number;
  artifacts: { count: number; bytes: number };
  devices?: Device[];
}
/** What is null its driver does not say. */
export interface Device {
  index: number; name: string; uuid: string; state: string; why: string; memory_bytes: number; used_bytes: number; budget_bytes: number;
  claimed_bytes: number; kept_bytes: number; tasks_waiting: number; busy_percent: number | null; temperature_celsius: number | null;
  power_watts: number | null; errors_uncorrected: number | null; xids: number; lost_to_workers: number;
}
/** Of one pipeline, or of everything. A task may wait for two of them. */
export interface Pause { pipeline: string | null; since: string; reason: string; tasks: number; jobs: number }
export interface QueueState { pauses: Pause[]; tasks_ready: number; tasks_paused: number }
export interface DrainPlan {
  node: string; tasks: number; leads: boolean; leader_then: string; votes: boolean; keeps_vote: boolean; new_voters: string[]; slots: number;
  slots_left: number; labels_lost: string[]; losses_survived_then: number; removable_then: boolean; why_not_removable: string; guess: boolean;
}
/** When, how many nodes were wanted, how many worked, how many tasks were unfinished. */
export type CoursePoint = [at: number, desired: number, working: number, unfinished: number];
export interface ScalingDecision {
  at: number; term: number; from: number; to: number; reason: string; rule?: string; text: string; degraded?: boolean;
  said: { rule: string; says: string; nodes: number; value?: string }[]; otherwise?: { rule: string; text: string }[];
}
export interface Machine { name: string | null; node: string | null; state: string; tasks: number; since_ms: number; why?: string }
/** Without a policy there is no more than that; only the node that leads knows more than whether it does. */
export interface Scaling {
  policy: string | null; pool: string; environment: string; leads: boolean; desired: number | null; now: ScalingDecision | null; on_order: number;
  held: { nodes: number; until_ms: number } | null; machines: Machine[]; alarms: Alarm[]; decisions: ScalingDecision[]; course?: CoursePoint[];
  degradation?: { level: number; why: string; classes: { class: string; measure: string; expected_wait_ms: number | null }[] };
}
export interface Input {
  name: string; type: string; list: boolean; required: boolean; default: unknown; choices: string[]; description: string;
  minimum: number | null; maximum: number | null;
}
export interface Pipeline { name: string; description: string; hash: string; inputs: Input[]; stages: { name: string; kind: string; needs: string[] }[] }

const ENDED = new Set<string>(["succeeded", "failed", "cancelled", "dead"]);
export const hasEnded = (state: string): boolean => ENDED.has(state);
