// #/slots: what runs where, what waits, what gave up, and who leads the shards.
import { useMemo } from "preact/hooks";
import { useNow, usePoll } from "../api/poll";
import type { Cluster, Job, JobPage, NodeState } from "../api/types";
import { ago, count, moment, plural, seconds } from "../format";
import { useInspect } from "../live/inspect";
import { type Mark, type Marks, STILL } from "../live/marks";
import { RetryButton } from "../jobs/actions";
import { Bar, failureText, JobLink, Problem } from "../parts/basics";
import { NoMarks } from "../parts/lost";
import { linkTo, linkToMark } from "../route";
import { Devices } from "./devices";
import { Queue } from "./queue";

const MOST = 500;

export function Slots() {
  const cluster = usePoll<Cluster>("/v1/cluster");
  const node = usePoll<NodeState>("/v1/node");
  const ids = cluster.data?.nodes.map((one) => one.id).join(" ") ?? "";
  const open = useMemo(() => ids.split(" ").filter(Boolean).flatMap((id) => [id, `${id}/slot`, `${id}/worker`]), [ids]);
  const marks = useInspect({ open, hz: 2, most: MOST });
  return (
    <section class="slots" aria-labelledby="slots-title">
      <h1 id="slots-title">Slots and queue</h1>
      <Problem error={cluster.error ?? node.error} />
      <NoMarks />
      <div class="slots-nodes">{cluster.data?.nodes.map((one) => <NodeSlots key={one.id} marks={marks} id={one.id} address={one.address} expected={one.slots ?? 0} />)}</div>
      <div class="slots-grid">
        {node.data && <Queue node={node.data} />}
        {node.data && cluster.data && <Shards node={node.data} cluster={cluster.data} />}
        {node.data?.devices && <Devices devices={node.data.devices} />}
        <DeadLetters />
      </div>
    </section>
  );
}

function NodeSlots({ marks, id, address, expected }: { marks: Marks; id: string; address: string; expected: number }) {
  const slots = marks.membersOf(`${id}/slot`).map((path) => marks.get(path)!);
  const running = slots.filter((slot) => slot.doing).length;
  return (
    <section class="card" aria-label={`Slots of ${address}`}>
      <div class="bar-row"><h2><a href={linkToMark(id)}>{address}</a></h2>
        <span class="quiet">{slots.length ? <><a href={linkTo("jobs", [], { state: "running" })}>{count(running)} running</a> of <a href={linkToMark(`${id}/slot`)}>{plural(slots.length, "slot")}</a></> : plural(expected, "slot")}</span></div>
      <ul class="slot-list">{slots.map((slot) => <Slot key={slot.path} slot={slot} stillFor={marks.rates(slot.path).stillFor} worker={marks.get(slot.path.replace(/slot/g, "worker"))} />)}</ul>
      {slots.length === 0 && <p class="quiet">Nothing is known of them yet.</p>}
    </section>
  );
}

function Slot({ slot, worker, stillFor }: { slot: Mark; worker: Mark | undefined; stillFor: number | null }) {
  const { doing } = slot;
  const restarts = slot.restarts + (worker?.restarts ?? 0);
  return (
    <li class={doing ? "" : "idle"}>
      <a class="slot-name" href={linkToMark(slot.path)}>{slot.name}</a>
      {doing ? <span class="slot-what"><JobLink id={doing.job} />{doing.pipeline ? ` ${doing.pipeline}` : ""} <b>{doing.stage}</b>{doing.attempt > 1 ? `, attempt ${doing.attempt}` : ""}</span>
        : <span class="slot-what quiet">{slot.state ?? "idle"}</span>}
      {doing ? <Bar permille={doing.permille} label={`${doing.stage} on ${slot.name}`} tone="running" /> : null}
      <span class="slot-number">{doing ? `${Math.floor(doing.permille / 10)} %` : ""}</span>
      {(stillFor ?? 0) >= STILL && <b class="slot-restarts wrong">no progress for {seconds(stillFor)}</b>}
      {restarts > 0 && <span class="slot-restarts"><a href={linkToMark(slot.path)}>{plural(restarts, "restart")}</a></span>}
    </li>
  );
}

function Shards({ node, cluster }: { node: NodeState; cluster: Cluster }) {
  const address = new Map(cluster.nodes.map((one) => [one.id, one.address]));
  const votes = cluster.nodes.filter((one) => one.role === "leader" || one.role === "voter");
  return (
    <section class="card" aria-labelledby="shards-title">
      <h2 id="shards-title">Shards</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of shards">
        <table class="data cards">
          <caption class="sr-only">Shards as this node sees them</caption>
          <thead><tr><th scope="col" class="num">Shard</th><th scope="col">Leader</th><th scope="col" class="num">Term</th><th scope="col" class="num">Applied here</th><th scope="col" class="num">Jobs</th></tr></thead>
          <tbody>
            {node.shards.map((shard) => (
              <tr key={shard.shard}>
                <th scope="row" class="num" data-label="Shard">{shard.shard}</th>
                <td data-label="Leader">{shard.leader ? <a href={linkToMark(`${shard.leader}/shard`)}>{address.get(shard.leader) ?? shard.leader}</a> : "none"}</td>
                <td class="num" data-label="Term">{count(shard.term)}</td><td class="num" data-label="Applied here">{count(shard.applied)}</td><td class="num" data-label="Jobs"><a href={linkTo("jobs")}>{count(shard.jobs)}</a></td>
              </tr>
            ))}
          </tbody>
        </table>
        <table class="data cards">
          <caption>Members{node.shards.length > 1 ? " of shard 0" : ""}: {plural(votes.length, "voter")}</caption>
          <thead><tr><th scope="col">Node</th><th scope="col">Role</th><th scope="col" class="num">Entries behind</th><th scope="col" class="num">Heard of</th></tr></thead>
          <tbody>
            {cluster.nodes.map((one) => (
              <tr key={one.id}>
                <th scope="row"><a href={linkToMark(one.id)}>{one.address}</a></th><td data-label="Role">{one.role}{one.state === "active" ? "" : `, ${one.state}`}</td>
                <td class="num" data-label="Entries behind">{one.behind === undefined ? "–" : count(one.behind)}</td>
                <td class="num" data-label="Heard of">{one.silent_ms === undefined ? "–" : one.id === cluster.seen_by ? "this node" : `${seconds(one.silent_ms / 1000)} ago`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {!cluster.leads && <p class="quiet">Only the leader knows who is behind; this node does not lead.</p>}
    </section>
  );
}

function DeadLetters() {
  const page = usePoll<JobPage>("/v1/jobs?state=dead&limit=20", 2000);
  const now = useNow();
  const jobs = page.data?.jobs ?? [];
  return (
    <section class="card wide" aria-labelledby="dead-title">
      <div class="bar-row"><h2 id="dead-title">Dead letters</h2>
        <a href={linkTo("jobs", [], { state: "dead" })}>{page.data && jobs.length > 0 ? (page.data.next_cursor ? `all; here the newest ${jobs.length}` : `all ${jobs.length}`) : ""}</a></div>
      <Problem error={page.error} />
      {page.data && jobs.length === 0 && <p class="empty">{page.data.next_cursor ? "None among the newest jobs; a list does not look further." : "None: no job has used up its retries."}</p>}
      {jobs.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Table of dead letters">
          <table class="data cards acts">
            <caption class="sr-only">Jobs that used up their retries</caption>
            <thead><tr><th scope="col">Job</th><th scope="col">Pipeline</th><th scope="col" class="num">Gave up</th><th scope="col">Stage</th><th scope="col">Why</th><th scope="col"><span class="sr-only">Action</span></th></tr></thead>
            <tbody>{jobs.map((job) => <DeadRow key={job.id} job={job} now={now} />)}</tbody>
          </table>
        </div>)}
    </section>
  );
}

function DeadRow({ job, now }: { job: Job; now: number }) {
  return (
    <tr>
      <th scope="row"><JobLink id={job.id} whole /></th><td data-label="Pipeline">{job.pipeline}</td>
      <td class="num" data-label="Gave up" title={job.ended_at ? moment(job.ended_at) : ""}>{job.ended_at ? ago(job.ended_at, now) : "–"}</td>
      <td data-label="Stage">{job.error?.stage}</td><td class="why" data-label="Why">{job.error && failureText(job.error.cause, job.error.detail)}</td>
      <td><RetryButton job={job} /></td>
    </tr>
  );
}
