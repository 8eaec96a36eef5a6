// What the newest jobs tell of how things go. Pure.
import { hasEnded, type Job } from "../api/types";

export interface Recent {
  /** that have ended, of those that were looked at */
  ended: number;
  /** submissions a second, from the oldest of them to now; null: too few to tell */
  perSecond: number | null;
  /** ended as failed or dead */
  lost: number;
  /** the pipeline with most of these, and how many; null: none */
  worst: { pipeline: string; lost: number } | null;
  /** seconds from the submission until the first stage began: half of the jobs waited no longer, and 19 of 20; null: none has begun */
  wait: { half: number; most: number } | null;
}

export function recentOf(jobs: readonly Job[], now: number): Recent {
  const ended = jobs.filter((job) => hasEnded(job.state));
  const lost = new Map<string, number>();
  for (const job of ended) if (job.state === "failed" || job.state === "dead") lost.set(job.pipeline, (lost.get(job.pipeline) ?? 0) + 1);
  const [worst] = [...lost].sort((a, b) => b[1] - a[1]);
  const waits = jobs.filter((job) => job.started_at).map((job) => (Date.parse(job.started_at!) - Date.parse(job.created_at)) / 1000).sort((a, b) => a - b);
  const oldest = Math.min(...jobs.map((job) => Date.parse(job.created_at)));
  const span = (now - oldest) / 1000;
  return {
    ended: ended.length,
    perSecond: jobs.length > 1 && span > 0 ? jobs.length / span : null,
    lost: [...lost.values()].reduce((sum, many) => sum + many, 0),
    worst: worst ? { pipeline: worst[0], lost: worst[1] } : null,
    wait: waits.length ? { half: waits[Math.floor((waits.length - 1) / 2)]!, most: waits[Math.floor((waits.length - 1) * 0.95)]! } : null,
  };
}
