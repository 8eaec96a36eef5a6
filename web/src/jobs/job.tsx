// #/jobs/ID: one job, from its events.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useEvents, useNow, usePoll } from "../api/poll";
import { type Cluster, hasEnded, type Job, type JobEvent, JOURNALLED, type Pipeline, type Stage } from "../api/types";
import { ago, count, milliseconds, moment, plural, seconds, words } from "../format";
import { Bar, causeText, Crumbs, failureText, Facts, Problem, StatePill } from "../parts/basics";
import { linkTo } from "../route";
import { JobActions } from "./actions";
import { Attempts, Chart } from "./chart";
import { slotOf, type Track, tracksOf } from "./gantt";
import { LiveLog, runningOf } from "./live_log";
import { Values } from "./media";

/** The newest progress of a task, since when it has been as far as it is, and whether it has been seen to move. */
interface Progress { event: JobEvent; since: number; hasMoved: boolean }
interface Followed { events: JobEvent[]; progress: Map<string, Progress>; turn: number }
/** After so many seconds without progress it is said, and no end is foretold. */
const FORETOLD_FOR = 15;

/** The journalled events of a job in their order, and the newest progress of each task. */
function useJobEvents(id: string, isOver: boolean, onJournalled: () => void): Followed {
  const followed = useRef<Followed>({ events: [], progress: new Map(), turn: 0 });
  const [, setTurn] = useState(0);
  const [isRead, setRead] = useState(false);
  useEvents(isRead && isOver ? null : `/v1/jobs/${id}/events?after=0`, [...JOURNALLED, "progress", "resync"], (name, data) => {
    const all = followed.current;
    const event = data as JobEvent;
    if (name === "resync") all.events.length = 0;
    else if (name === "progress") takeProgress(all.progress, event, Date.now());
    else if (name !== "closed" && !all.events.some((one) => one.revision === event.revision)) {
      all.events.push(event);
      all.progress.delete(`${event.stage}#${event.instance ?? 0}`);
      if (hasEnded(event.type)) setRead(true);
      onJournalled();
    }
    all.turn += 1;
    setTurn(all.turn);
  });
  return followed.current;
}

function takeProgress(all: Map<string, Progress>, event: JobEvent, now: number): void {
  const task = `${event.stage}#${event.instance ?? 0}`;
  const before = all.get(task);
  const isAsFar = before?.event.permille === event.permille;
  all.set(task, { event, since: isAsFar ? before!.since : now, hasMoved: before !== undefined && (before.hasMoved || !isAsFar) });
}

export function JobPage({ id }: { id: string }) {
  const [isOver, setOver] = useState(false);
  const polled = usePoll<Job>(`/v1/jobs/${id}`, isOver ? 0 : 1000);
  const job = polled.data;
  useEffect(() => { if (job && hasEnded(job.state)) setOver(true); }, [job]);
  const pending = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(pending.current), []);
  const refresh = () => {
    clearTimeout(pending.current);
    pending.current = setTimeout(polled.refresh, 80);
  };
  const followed = useJobEvents(id, isOver, refresh);
  const now = useNow(isOver ? 60_000 : 500);
  const cluster = usePoll<Cluster>("/v1/cluster", 10_000);
  const pipeline = usePoll<Pipeline>(job ? `/v1/pipelines/${encodeURIComponent(job.pipeline)}` : null, 0);
  const addresses = useMemo(() => new Map(cluster.data?.nodes.map((node) => [node.id, node.address]) ?? []), [cluster.data]);
  const needs = useMemo(() => {
    const isSame = pipeline.data && pipeline.data.hash === job?.pipeline_hash;
    return new Map(isSame ? pipeline.data!.stages.map((stage) => [stage.name, stage.needs] as const) : []);
  }, [pipeline.data, job?.pipeline_hash]);
  const crumbs = <Crumbs items={[{ text: "Jobs", href: linkTo("jobs") }, { text: id, href: linkTo("jobs", [id]) }]} />;
  if (!job) return <section><h1 class="sr-only">Job {id}</h1>{crumbs}<Problem error={polled.error} />{!polled.error && <p class="quiet">Asking for the job.</p>}</section>;
  const { tracks, from, to } = inOrder(tracksOf(followed.events, needs, now), job);
  const running = isOver ? [] : runningOf(tracks);
  return (
    <section class="job-page" aria-labelledby="job-title">
      {crumbs}
      <JobHead job={job} now={now} onChanged={polled.refresh} />
      <div class="job-grid">
        <div class="column">
          <section class="card" aria-labelledby="gantt-title"><h2 id="gantt-title">Stages over time</h2>
            <Chart tracks={tracks} from={from} to={to} addresses={addresses} />
            <Stages job={job} progress={followed.progress} needs={needs} now={now} /></section>
          <section class="card" aria-labelledby="attempts-title"><h2 id="attempts-title">Attempts</h2><Attempts tracks={tracks} addresses={addresses} /></section>
          <section class="card" aria-labelledby="log-title"><h2 id="log-title">Log</h2>
            {running.length > 0 && <LiveLog job={id} running={running} />}
            <Log job={job} events={followed.events} addresses={addresses} /></section>
        </div>
        <div class="column">
          <section class="card" aria-labelledby="result-title"><h2 id="result-title">Result</h2>
            {job.result ? <Values values={job.result} label="Result" /> : <p class="quiet">{isOver ? "None." : "Not yet."}</p>}</section>
          <section class="card" aria-labelledby="inputs-title"><h2 id="inputs-title">Inputs</h2><Values values={job.inputs ?? {}} label="Inputs" /></section>
        </div>
      </div>
    </section>
  );
}

/** The tracks in the order of the pipeline; a stage that did nothing yet has an empty one. */
function inOrder<T extends { tracks: Track[] }>(all: T, job: Job): T {
  const tracks = (job.stages ?? []).flatMap((stage) => {
    const own = all.tracks.filter((track) => track.stage === stage.name).sort((a, b) => a.instance - b.instance);
    return own.length ? own : [{ stage: stage.name, instance: 0, hasInstances: false, segments: [] }];
  });
  return { ...all, tracks };
}

function JobHead({ job, now, onChanged }: { job: Job; now: number; onChanged: () => void }) {
  const took = job.started_at ? milliseconds((job.ended_at ? Date.parse(job.ended_at) : now) - Date.parse(job.started_at)) : "–";
  const labels = Object.entries(job.labels);
  return (
    <header class="card job-head">
      <div class="job-head-line">
        <h1 id="job-title">{words(job.pipeline)} <span class="mono quiet">{job.id}</span></h1>
        <StatePill state={job.state} />
        <span class="actions"><JobActions job={job} onChanged={onChanged} /></span>
      </div>
      <Bar permille={job.permille} label="Progress of the job" tone={job.state} />
      <Facts rows={[
        ["Progress", `${Math.floor(job.permille / 10)} %, ${stagesDone(job)}`], ["Submitted", `${moment(job.created_at)}, ${ago(job.created_at, now)}`],
        ["Waited", job.started_at ? milliseconds(Date.parse(job.started_at) - Date.parse(job.created_at)) : milliseconds(now - Date.parse(job.created_at))],
        ["Took, with pauses", took], ["Ended", job.ended_at ? moment(job.ended_at) : "–"], ["Priority", String(job.priority)],
        ["Deadline", job.deadline ? moment(job.deadline) : "none"],
        ["Pipeline", <a href={linkTo("jobs", [], { pipeline: job.pipeline })}>{job.pipeline}</a>],
        ["Labels", labels.length ? labels.map(([name, value]) => <a key={name} class="tag" href={linkTo("jobs", [], { label: `${name}:${value}` })}>{name}:{value}</a>) : "none"],
      ]} />
      {job.paused && <p class="notice warn">What waits of it does so because {job.paused}</p>}
      {job.error && <p class={`notice ${job.state === "cancelled" ? "warn" : "bad"}`}>{job.error.stage && <b>{job.error.stage}: </b>}{failureText(job.error.cause, job.error.detail)}</p>}
    </header>
  );
}

/** "1 of 2 stages done" */
function stagesDone(job: Job): string {
  const stages = job.stages ?? [];
  return `${count(stages.filter((stage) => stage.state === "done" || stage.state === "skipped").length)} of ${plural(stages.length, "stage")} done`;
}

type Needs = ReadonlyMap<string, readonly string[]>;

function Stages({ job, progress, needs, now }: { job: Job; progress: ReadonlyMap<string, Progress>; needs: Needs; now: number }) {
  const done = new Set((job.stages ?? []).filter((stage) => stage.state === "done" || stage.state === "skipped").map((stage) => stage.name));
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Table of stages">
      <table class="data cards">
        <caption class="sr-only">Stages</caption>
        <thead><tr><th scope="col">Stage</th><th scope="col">State</th><th scope="col">Progress</th><th scope="col" class="num">Done</th><th scope="col" class="num">Attempts</th><th scope="col">What is known</th></tr></thead>
        <tbody>{(job.stages ?? []).map((stage) => <StageRow key={stage.name} stage={stage} live={liveOf(stage, progress)} now={now} lacks={(needs.get(stage.name) ?? []).filter((need) => !done.has(need))} />)}</tbody>
      </table>
    </div>
  );
}

/** The newest progress of a stage; of one with many elements that of all of them together. */
function liveOf(stage: Stage, progress: ReadonlyMap<string, Progress>): Progress | undefined {
  if (stage.instances <= 1) return progress.get(`${stage.name}#0`);
  let sum = stage.instances_done * 1000;
  let since = 0;
  let hasMoved = false;
  for (const one of progress.values()) {
    if (one.event.stage !== stage.name) continue;
    sum += one.event.permille ?? 0;
    since = Math.max(since, one.since);
    hasMoved ||= one.hasMoved;
  }
  return { event: { job: "", type: "progress", stage: stage.name, permille: Math.floor(sum / stage.instances) }, since, hasMoved };
}

function StageRow({ stage, live, now, lacks }: { stage: Stage; live: Progress | undefined; now: number; lacks: string[] }) {
  const isLive = stage.state === "running" && live !== undefined;
  const permille = isLive ? Math.max(live.event.permille ?? 0, stage.permille) : stage.permille;
  const isYoung = stage.started_at !== null && now - Date.parse(stage.started_at) < FORETOLD_FOR * 1000;
  const eta = isLive && (live.hasMoved || isYoung) ? live.event.eta_ms : undefined;  // of what may stand still nothing is foretold
  const stillFor = isLive && permille > 0 ? (now - live.since) / 1000 : 0;
  const message = (isLive ? live.event.message : stage.message) || stage.reason || stage.last_failure?.detail || (stage.state === "waiting" && lacks.length ? `waits for ${lacks.join(", ")}` : "");
  return (
    <tr>
      <th scope="row">{words(stage.name)} <span class="quiet">{stage.kind}</span></th>
      <td data-label="State"><StatePill state={stage.state} /></td>
      <td class="spark" data-label="Progress"><Bar permille={permille} label={`Progress of ${stage.name}`} tone={stage.state} /></td>
      <td class="num" data-label="Done">{stage.instances > 1 ? `${count(stage.instances_done)} of ${count(stage.instances)}` : `${Math.floor(permille / 10)} %`}</td>
      <td class="num" data-label="Attempts">{count(stage.attempts)}</td>
      <td class="why">{message}{stillFor >= FORETOLD_FOR ? <b class="wrong"> no progress for {seconds(stillFor)}</b> : stage.state === "running" && eta ? ` (about ${milliseconds(eta)} left)` : ""}</td>
    </tr>
  );
}

const SAID: Record<string, string> = { attempt_started: "started", attempt_failed: "failed", stage_done: "done", stage_skipped: "skipped", stage_reopened: "runs again: no node has what it made" };

/** "risky, attempt 2: failed (the work failed: out of memory); next attempt at 12:00:00" */
function lineOf(event: JobEvent, addresses: ReadonlyMap<string, string>): string {
  const slot = slotOf(event.slot);
  const where = slot ? ` on ${addresses.get(slot.node) ?? slot.node}, slot ${slot.index}` : "";
  const task = event.stage ? `${event.stage}${event.instance === undefined ? "" : ` ${event.instance + 1}`}${event.attempt ? `, attempt ${event.attempt}` : ""}: ` : "";
  const why = event.cause ? `: ${failureText(event.cause, event.detail)}` : event.reason ? `: ${event.reason}` : event.error?.detail ? `: ${event.error.detail}` : "";
  const next = event.retry_at_ms !== undefined ? `; next attempt at ${moment(event.retry_at_ms)}` : "";
  return `${task}${SAID[event.type] ?? event.type}${where}${why}${next}`;
}

function Log({ job, events, addresses }: { job: Job; events: readonly JobEvent[]; addresses: ReadonlyMap<string, string> }) {
  const written = (job.stages ?? []).filter((stage) => stage.last_failure?.stderr);
  const shown = events.slice(-400);
  return (
    <>
      {written.map((stage) => (
        <details key={stage.name} open>
          <summary>What {stage.name} wrote to standard error before it last failed ({causeText(stage.last_failure!.cause)})</summary>
          <pre tabIndex={0}>{stage.last_failure!.stderr}</pre>
        </details>))}
      <ol class="log" aria-label="Events" tabIndex={0}>
        {shown.map((event) => <li key={event.revision} class={event.type === "attempt_failed" || event.type === "dead" || event.type === "failed" ? "bad" : ""}>
          <time class="mono" dateTime={event.at}>{moment(event.at ?? 0)}</time><span>{lineOf(event, addresses)}</span></li>)}
      </ol>
      {events.length > shown.length && <p class="quiet">The last {plural(shown.length, "event")} of {count(events.length)}.</p>}
    </>
  );
}
