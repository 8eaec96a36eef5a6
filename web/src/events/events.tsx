// #/events: what was decided, what is wrong, which jobs ended; the newest first.
import { useEffect, useMemo, useState } from "preact/hooks";
import { useEvents, useNow, usePoll } from "../api/poll";
import type { Cluster, JobEvent, JobPage } from "../api/types";
import { ago, moment, plural } from "../format";
import { JobLink, Problem } from "../parts/basics";
import { linkTo, type Route } from "../route";
import { type Entry, type Kind, KINDS, Timeline, withAddresses } from "./timeline";

const HEARD = ["submitted", "succeeded", "failed", "cancelled", "dead", "resync"];
const NAMES: Record<Kind, string> = { alarm: "alarms", decision: "decisions", failure: "failed and dead jobs", job: "other ends of jobs" };

export function Events({ route }: { route: Route }) {
  const timeline = useMemo(() => new Timeline(), []);
  const cluster = usePoll<Cluster>("/v1/cluster");
  const before = usePoll<JobPage>("/v1/jobs?limit=100", 0);
  const [, setTurn] = useState(0);
  const now = useNow();
  useEffect(() => { if (cluster.data) timeline.takeCluster(cluster.data, Date.now()); setTurn((turn) => turn + 1); }, [cluster.data]);
  useEffect(() => { if (before.data) timeline.takeJobs([...before.data.jobs].reverse()); setTurn((turn) => turn + 1); }, [before.data]);
  useEvents("/v1/events", HEARD, (name, data) => {
    if (name === "resync" || name === "closed") before.refresh();
    else timeline.takeEvent(data as JobEvent);
    setTurn((turn) => turn + 1);
  });
  const addresses = new Map(cluster.data?.nodes.map((node) => [node.id, node.address]) ?? []);
  const kept = timeline.jobsKept();
  const wanted = route.query.kind ? route.query.kind.split(",").filter((kind): kind is Kind => KINDS.includes(kind as Kind)) : KINDS;
  const kinds = new Set<Kind>(wanted);
  const text = route.query.text ?? "";
  const entries = timeline.entries(kinds, text);
  const go = (query: Record<string, string>) => { location.hash = linkTo("events", [], { ...route.query, ...query }); };
  const toggle = (kind: Kind) => {
    const next = KINDS.filter((one) => (one === kind ? !kinds.has(one) : kinds.has(one)));
    go({ kind: next.length === KINDS.length ? "" : next.join(",") || "none" });
  };
  return (
    <section aria-labelledby="events-title">
      <h1 id="events-title">Events</h1>
      <form class="inline filters" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
        {KINDS.map((kind) => <label key={kind} class="check"><input type="checkbox" checked={kinds.has(kind)} onChange={() => toggle(kind)} /> {NAMES[kind]}</label>)}
        <label>Contains <input value={text} size={18} onInput={(event) => go({ text: event.currentTarget.value })} /></label>
      </form>
      <Problem error={cluster.error ?? before.error} />
      <ol class="card timeline" aria-label="Events, newest first">
        {entries.slice(0, 300).map((entry) => <Line key={entry.key} entry={entry} now={now} addresses={addresses} />)}
      </ol>
      {entries.length === 0 && <p class="empty">Nothing of this kind is known.</p>}
      {kept.many > 0 && <p class="quiet">Of jobs, {plural(kept.many, "end")} since {moment(kept.since, now)}: <a href={linkTo("jobs")}>all jobs</a>.</p>}
      <p class="quiet">Decisions and alarms are those of the node that answers{cluster.data && !cluster.data.leads ? ", which does not lead: the leader knows more" : ""}.</p>
    </section>
  );
}

function Line({ entry, now, addresses }: { entry: Entry; now: number; addresses: ReadonlyMap<string, string> }) {
  const stands = entry.kind === "alarm" && !entry.hasEnded;
  const look = stands ? "warn" : entry.job ? entry.what : entry.isBad ? "warn" : "plain";
  return (
    <li class={stands ? "stands" : ""}>
      <time dateTime={new Date(entry.at).toISOString()} title={ago(new Date(entry.at).toISOString(), now)}>{moment(entry.at, now)}</time>
      <span class="kind quiet">{entry.job ? "job" : entry.kind}</span>
      <span class={`pill ${look}`}>{entry.what}</span>
      <span class="why">{entry.job && <><JobLink id={entry.job} whole />{entry.pipeline ? ` ${entry.pipeline}` : ""}{entry.why ? ": " : ""}</>}{entry.kind === "alarm" && entry.hasEnded ? "over: " : ""}{withAddresses(entry.why, addresses)}</span>
    </li>
  );
}
