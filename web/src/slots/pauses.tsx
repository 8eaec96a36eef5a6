// What an operator has paused: to see, to pause, to resume. Each button says first what will happen.
import { useState } from "preact/hooks";
import { useNow, usePoll } from "../api/poll";
import { post } from "../api/rest";
import type { Pause, Pipeline, QueueState } from "../api/types";
import { ago, count, moment, plural } from "../format";
import { Confirm } from "../parts/confirm";

/** So many pauses stand in a notice each; of more only the number is said. */
const SHOWN = 4;
/** The node takes a reason of so many bytes. */
const REASON_BYTES = 200;

export interface Pauses { pauses: Pause[]; refresh: () => void }

export function usePauses(): Pauses {
  const queue = usePoll<QueueState>("/v1/queue", 2000);
  return { pauses: queue.data?.pauses ?? [], refresh: queue.refresh };
}

/** What a pause is of, for people. */
function scopeOf(pause: Pause): string {
  return pause.pipeline === null ? "The whole queue" : `Pipeline ${pause.pipeline}`;
}

function bodyOf(pipeline: string | null): { pipeline?: string } {
  return pipeline === null ? {} : { pipeline };
}

export function PauseNotices({ from }: { from: Pauses }) {
  const [ending, setEnding] = useState<Pause | null>(null);
  const now = useNow();
  const { pauses, refresh } = from;
  return (
    <>
      {pauses.slice(0, SHOWN).map((pause) => (
        <div key={pause.pipeline ?? ""} class="notice warn pause" role="status">
          <p><b>{scopeOf(pause)} is paused</b> <span title={ago(pause.since, now)}>since {moment(pause.since, now)}</span>{pause.reason && `: ${pause.reason}`}. {waitText(pause)}</p>
          <button type="button" aria-label={`Resume ${pause.pipeline ?? "the whole queue"}`} onClick={() => setEnding(pause)}>Resume…</button>
        </div>))}
      {pauses.length > SHOWN && <p class="notice warn">{plural(pauses.length - SHOWN, "more pipeline")} paused: <span class="mono">troupe queue</span> lists all.</p>}
      {ending && (
        <Confirm title={`Resume ${ending.pipeline ?? "the whole queue"}?`} verb="Resume" onClose={() => { setEnding(null); refresh(); }}
          act={() => post("/v1/queue/resume", bodyOf(ending.pipeline))}>
          <p>{heldBack(ending, pauses) ? "The whole queue is paused besides: nothing starts until that is resumed, too." : ending.tasks === 0 ? "No task waits for it now." : `${plural(ending.tasks, "waiting task")} may start, in the order in which ${ending.tasks === 1 ? "it" : "they"} would have without the pause.`}</p>
          {ending.pipeline === null && pauses.length > 1 && <p>Pipelines that are paused by themselves stay so.</p>}
        </Confirm>)}
    </>
  );
}

/** Whether the whole queue is paused while a pipeline is resumed. */
function heldBack(ending: Pause, pauses: readonly Pause[]): boolean {
  return ending.pipeline !== null && pauses.some((one) => one.pipeline === null);
}

function waitText(pause: Pause): string {
  if (pause.tasks === 0) return "Nothing waits for it.";
  return `${plural(pause.tasks, "task")} ${pause.tasks === 1 ? "waits" : "wait"} for it${pause.jobs ? `, ${plural(pause.jobs, "job")} ${pause.jobs === 1 ? "has" : "have"} not begun` : ""}.`;
}

export function PauseButton({ from }: { from: Pauses }) {
  const [isAsked, setAsked] = useState(false);
  return (
    <>
      <button type="button" onClick={() => setAsked(true)}>Pause…</button>
      {isAsked && <PauseDialog from={from} onClose={() => { setAsked(false); from.refresh(); }} />}
    </>
  );
}

function PauseDialog({ from, onClose }: { from: Pauses; onClose: () => void }) {
  const list = usePoll<{ pipelines: Pipeline[] }>("/v1/pipelines", 0);
  const [pipeline, setPipeline] = useState<string | null>(null);
  const [reason, setReason] = useState("");
  const known = from.pauses.find((pause) => pause.pipeline === pipeline);
  const act = async () => {
    const text = reason.trim();
    if (new TextEncoder().encode(text).length > REASON_BYTES) throw new Error(`The reason has more than ${REASON_BYTES} bytes.`);
    await post("/v1/queue/pause", { ...bodyOf(pipeline), reason: text });
  };
  return (
    <Confirm title="Pause the queue?" verb="Pause" act={act} onClose={onClose}>
      <label class="field"><span class="field-name">What</span>
        <select value={pipeline ?? ""} onChange={(event) => setPipeline(event.currentTarget.value || null)}>
          <option value="">the whole queue</option>
          {(list.data?.pipelines ?? []).map((one) => <option key={one.name} value={one.name}>pipeline {one.name}</option>)}
        </select>
      </label>
      <label class="field"><span class="field-name">Why</span>
        <input value={reason} maxLength={REASON_BYTES} autocomplete="off" placeholder="shown with each job that waits" onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      <ul>
        <li>{pipeline === null ? "No task starts any more, whatever it is of" : <>No task of <b>{pipeline}</b> starts any more; other pipelines go on</>}, until somebody resumes it.</li>
        <li>What runs now goes on to its end. Jobs are still taken, and wait.</li>
        <li>It holds for the whole cluster, also when nodes start anew.</li>
        {known && <li>This is paused already, since {moment(known.since)}: only the reason is replaced.</li>}
      </ul>
    </Confirm>
  );
}

/** Beside the state of a job whose tasks wait for an operator. */
export function PausedPill({ why }: { why: string | null | undefined }) {
  return why ? <span class="pill warn" title={why}>paused</span> : null;
}

/** How many of a number are paused, behind it. */
export function pausedOf(many: number | undefined): string {
  return many ? `, ${count(many)} paused` : "";
}
