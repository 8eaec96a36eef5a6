// #/submit: choose a pipeline, fill in what it takes, go to the job.
import { useRef, useState } from "preact/hooks";
import { usePoll } from "../api/poll";
import type { Job, Pipeline } from "../api/types";
import { words } from "../format";
import { Problem } from "../parts/basics";
import { linkTo, type Route } from "../route";
import { Field, isFile } from "./field";
import { upload } from "./upload";

export function Submit({ route }: { route: Route }) {
  const list = usePoll<{ pipelines: Pipeline[] }>("/v1/pipelines", 0);
  const pipelines = list.data?.pipelines ?? [];
  const name = route.query.pipeline ?? pipelines[0]?.name ?? "";
  const chosen = usePoll<Pipeline>(name ? `/v1/pipelines/${encodeURIComponent(name)}` : null, 0);
  return (
    <section class="submit" aria-labelledby="submit-title">
      <h1 id="submit-title">Submit a job</h1>
      <Problem error={list.error ?? chosen.error} />
      {list.data && pipelines.length === 0 && <p class="empty">No pipeline is installed on this node.</p>}
      <div class="card">
        <label class="field"><span class="field-name">Pipeline</span>
          <select value={name} onChange={(event) => { location.hash = linkTo("submit", [], { pipeline: event.currentTarget.value }); }}>
            {pipelines.map((one) => <option key={one.name} value={one.name}>{one.name}</option>)}
          </select>
        </label>
        {chosen.data && <p class="quiet">{chosen.data.description} Stages: {chosen.data.stages.map((stage) => stage.name).join(", ")}.</p>}
        {chosen.data && <Form key={chosen.data.name} pipeline={chosen.data} />}
      </div>
    </section>
  );
}

function missingOf(form: HTMLFormElement, pipeline: Pipeline): string[] {
  const data = new FormData(form);
  return pipeline.inputs.filter((input) => {
    if (!input.required || input.type === "boolean") return false;
    const value = data.get(input.name);
    return isFile(input) ? !(value instanceof File) || value.size === 0 : !String(value ?? "").trim();
  }).map((input) => input.name);
}

/** Leaves out what is empty, and sends each line of a list by itself. */
function bodyOf(form: HTMLFormElement, pipeline: Pipeline): FormData {
  const data = new FormData(form);
  const body = new FormData();
  for (const input of pipeline.inputs) {
    if (input.type === "boolean" && !input.list) body.append(input.name, String(data.has(input.name)));
    else if (isFile(input)) for (const file of data.getAll(input.name)) { if (file instanceof File && file.size > 0) body.append(input.name, file, file.name); }
    else {
      const text = String(data.get(input.name) ?? "");
      const values = input.list ? text.split("\n").map((line) => line.trim()) : [text];
      for (const value of values) if (value.trim()) body.append(input.name, value);
    }
  }
  for (const name of ["priority", "deadline_ms"]) if (String(data.get(`troupe.${name}`) ?? "").trim()) body.append(name, String(data.get(`troupe.${name}`)));
  for (const line of String(data.get("troupe.labels") ?? "").split(/[\s,]+/)) {
    const at = line.indexOf(":");
    if (at > 0) body.append(`labels.${line.slice(0, at)}`, line.slice(at + 1));
  }
  return body;
}

function Form({ pipeline }: { pipeline: Pipeline }) {
  const [missing, setMissing] = useState<string[]>([]);
  const [error, setError] = useState<Error | null>(null);
  const [share, setShare] = useState<number | null>(null);
  // A request whose fate is unknown is sent again under the same key: that cannot make a second job.
  const key = useRef(newKey());
  const onInput = (event: Event) => {
    key.current = newKey();
    const { name } = event.target as HTMLInputElement;
    setMissing((before) => before.filter((one) => one !== name));
  };
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const lacking = missingOf(form, pipeline);
    setMissing(lacking);
    if (lacking.length) { form.querySelector<HTMLElement>(`[name="${CSS.escape(lacking[0]!)}"]`)?.focus(); return; }
    setError(null);
    setShare(0);
    try {
      const job = await upload<Job>(`/v1/jobs?pipeline=${encodeURIComponent(pipeline.name)}`, bodyOf(form, pipeline), key.current, setShare);
      location.hash = linkTo("jobs", [job.id]);
    } catch (failure) {
      setError(failure as Error);
      setShare(null);
    }
  };
  return (
    <form class="fields" noValidate onSubmit={onSubmit} onInput={onInput}>
      {pipeline.inputs.map((input) => <Field key={input.name} input={input} isMissing={missing.includes(input.name)} />)}
      <details><summary>Priority, labels, deadline</summary>
        <div class="fields">
          <label class="field"><span class="field-name">Priority</span><input name="troupe.priority" type="number" min={0} max={9} placeholder="5" /><span class="hint">0 to 9; higher goes first</span></label>
          <label class="field"><span class="field-name">Labels</span><input name="troupe.labels" placeholder="team:blue" /><span class="hint">NAME:VALUE, several with spaces between</span></label>
          <label class="field"><span class="field-name">Deadline in milliseconds</span><input name="troupe.deadline_ms" type="number" min={1} /><span class="hint">from now; the job fails if it has not ended by then</span></label>
        </div>
      </details>
      <Problem error={error} />
      <button class="primary" type="submit" disabled={share !== null}>{share === null ? `Submit ${words(pipeline.name).toLowerCase()}` : share < 1 ? `Uploading ${Math.round(share * 100)} %` : "Submitting"}</button>
    </form>
  );
}

function newKey(): string {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return [...random].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
