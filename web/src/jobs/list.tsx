// #/jobs: the newest first, filtered, a page at a time.
import { useState } from "preact/hooks";
import { useNow, usePoll } from "../api/poll";
import { type Job, type JobPage, JOB_STATES, type Pipeline } from "../api/types";
import { ago, milliseconds, moment } from "../format";
import { Bar, causeText, JobLink, Problem, StatePill } from "../parts/basics";
import { linkTo, type Query, type Route } from "../route";
import { PausedPill } from "../slots/pauses";

const LIMIT = 50;

function pathOf({ state = "", pipeline = "", label = "", cursor = "" }: Query): string {
  const search = new URLSearchParams({ limit: String(LIMIT) });
  for (const [name, value] of Object.entries({ state, pipeline, label, cursor })) if (value) search.set(name, value);
  return `/v1/jobs?${search}`;
}

export function JobList({ route }: { route: Route }) {
  const { query } = route;
  const page = usePoll<JobPage>(pathOf(query));
  const pipelines = usePoll<{ pipelines: Pipeline[] }>("/v1/pipelines", 0);
  const now = useNow();
  const jobs = page.data?.jobs ?? [];
  const isFiltered = Boolean(query.state || query.pipeline || query.label);
  return (
    <section aria-labelledby="jobs-title">
      <div class="bar-row"><h1 id="jobs-title">Jobs</h1><IdSearch /></div>
      <Filters query={query} pipelines={pipelines.data?.pipelines.map((one) => one.name) ?? []} />
      <Problem error={page.error} />
      <div class="scroll card" tabIndex={0} role="region" aria-label="Table of jobs">
        <table class="data cards jobs-table">
          <caption class="sr-only">Jobs, newest first</caption>
          <thead><tr><th scope="col">Job</th><th scope="col">State</th><th scope="col">Pipeline</th><th scope="col">Progress</th><th scope="col" class="num">Done</th>
            <th scope="col" class="num">Submitted</th><th scope="col" class="num">Waited</th><th scope="col" class="num">Took</th><th scope="col">Labels</th><th scope="col">Error</th></tr></thead>
          <tbody>{jobs.map((job) => <Row key={job.id} job={job} query={query} now={now} />)}</tbody>
        </table>
        {page.data && jobs.length === 0 && <p class="empty">{isFiltered ? "No job fits these filters." : <>No job yet. <a href={linkTo("submit")}>Submit one.</a></>}</p>}
      </div>
      <nav class="pager" aria-label="Pages">
        {query.cursor && <a href={linkTo("jobs", [], { ...query, cursor: "" })}>Newest</a>}
        {page.data?.next_cursor && <a href={linkTo("jobs", [], { ...query, cursor: page.data.next_cursor })}>Older</a>}
      </nav>
    </section>
  );
}

function Row({ job, query, now }: { job: Job; query: Query; now: number }) {
  const started = job.started_at ? Date.parse(job.started_at) : null;
  const ended = job.ended_at ? Date.parse(job.ended_at) : now;
  return (
    <tr>
      <th scope="row"><JobLink id={job.id} whole /></th>
      <td data-label="State"><a class="plain" href={linkTo("jobs", [], { ...query, state: job.state, cursor: "" })} aria-label={`Only ${job.state}`}><StatePill state={job.state} /></a> <PausedPill why={job.paused} /></td>
      <td data-label="Pipeline"><a class="plain" href={linkTo("jobs", [], { ...query, pipeline: job.pipeline, cursor: "" })}>{job.pipeline}</a></td>
      <td class="spark" data-label="Progress"><Bar permille={job.permille} tone={job.state} /></td>
      <td class="num" data-label="Done">{Math.floor(job.permille / 10)} %</td>
      <td class="num" data-label="Submitted" title={moment(job.created_at)}>{ago(job.created_at, now)}</td>
      <td class="num" data-label="Waited">{milliseconds(Math.max(0, (started ?? ended) - Date.parse(job.created_at)))}</td>
      <td class="num" data-label="Took">{started === null ? "–" : milliseconds(Math.max(0, ended - started))}</td>
      <td data-label={Object.keys(job.labels).length ? "Labels" : undefined}>{Object.entries(job.labels).map(([name, value]) => <a key={name} class="tag" href={linkTo("jobs", [], { ...query, label: `${name}:${value}`, cursor: "" })}>{name}:{value}</a>)}</td>
      <td class="why" data-label={job.error ? "Error" : undefined}>{job.error && `${job.error.stage ? `${job.error.stage}: ` : ""}${job.error.detail || causeText(job.error.cause)}`}</td>
    </tr>
  );
}

function IdSearch() {
  const [error, setError] = useState("");
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    const id = String(new FormData(event.currentTarget as HTMLFormElement).get("id")).trim().toLowerCase();
    if (/^[0-9a-f]{16}$/.test(id)) location.hash = linkTo("jobs", [id]);
    else setError("An id has 16 hexadecimal digits.");
  };
  return (
    <form class="inline" role="search" onSubmit={onSubmit}>
      <label>Go to job <input name="id" class="mono" size={18} maxLength={20} autocomplete="off" spellcheck={false} placeholder="16 hex digits" aria-invalid={error ? true : undefined}
        aria-describedby="id-error" onInput={() => setError("")} /></label>
      <button type="submit">Go</button>
      <span id="id-error" class="wrong" role="alert">{error}</span>
    </form>
  );
}

function Filters({ query, pipelines }: { query: Query; pipelines: string[] }) {
  const [error, setError] = useState("");
  const go = (change: Query) => { location.hash = linkTo("jobs", [], { ...query, cursor: "", ...change }); };
  const onLabel = (event: Event) => {
    const label = (event.currentTarget as HTMLInputElement).value.trim();
    if (label && !label.includes(":")) return setError("Write a label as NAME:VALUE.");
    setError("");
    go({ label });
  };
  return (
    <form class="inline filters" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      <label>State <select value={query.state ?? ""} onChange={(event) => go({ state: event.currentTarget.value })}>
        <option value="">any</option>{JOB_STATES.map((state) => <option key={state} value={state}>{state}</option>)}</select></label>
      <label>Pipeline <select value={query.pipeline ?? ""} onChange={(event) => go({ pipeline: event.currentTarget.value })}>
        <option value="">any</option>{[...new Set([...pipelines, ...(query.pipeline ? [query.pipeline] : [])])].map((name) => <option key={name} value={name}>{name}</option>)}</select></label>
      <label>Label <input key={query.label} defaultValue={query.label ?? ""} placeholder="NAME:VALUE" size={16} onChange={onLabel} aria-describedby="label-error" /></label>
      <span id="label-error" class="wrong" role="alert">{error}</span>
      {(query.state || query.pipeline || query.label) && <a href={linkTo("jobs")}>Without filters</a>}
    </form>
  );
}
