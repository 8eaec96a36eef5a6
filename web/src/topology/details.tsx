// What is known of the chosen mark, or of the cluster if none is chosen.
import type { ComponentChildren } from "preact";
import { count, moment, percent, plural, rate, seconds } from "../format";
import type { Cluster, Member } from "../api/types";
import { healthOf, type Mark, type Marks, stateOf, STILL } from "../live/marks";
import { Bar, Facts, JobLink } from "../parts/basics";
import { Written } from "../parts/written";
import { linkTo as toRoute } from "../route";
import { Histogram } from "./histogram";
import { NodeActions } from "./node_actions";
import { WorkDetails } from "./work";

/** A node shows at most so many members of a group. */
const MOST = 2000;

interface Props { marks: Marks; path: string; cluster: Cluster | null; linkTo: (path: string) => string; onChanged: () => void }

export function Details({ marks, path, cluster, linkTo: link, onChanged }: Props) {
  const mark = marks.get(path);
  if (!path || !mark) return <ClusterDetails cluster={cluster} link={link} />;
  const rates = marks.rates(path);
  const health = healthOf(mark, rates);
  const node = path.split("/")[0]!;
  const member = mark.kind === "node" && !path.includes("/") ? cluster?.nodes.find((one) => one.id === node) : undefined;
  // A number of a node or a group is made of those of its members.
  const sum = (text: string) => (mark.actors > 1 ? <a href={toRoute("topology", path.split("/"), { as: "table" })}>{text}</a> : text);
  return (
    <aside class="card details" aria-label={`About ${mark.name}`}>
      <header>
        <h2>{mark.name}</h2>
        <span class={`pill ${health}`}>{stateOf(mark, rates)}</span>
      </header>
      <p class="quiet">{mark.kind}{mark.actors > 1 ? `, ${plural(mark.actors, "actor")}` : ""}{mark.parent ? <>, supervised by {mark.parent}</> : ""}</p>
      {mark.doing && <Doing mark={mark} stillFor={rates.stillFor} />}
      <Part marks={marks} mark={mark} />
      <Facts rows={[
        ...(mark.at_work === undefined ? [] : [["Slots at work", sum(mark.kind === "node" ? count(mark.at_work) : `${count(mark.at_work)} of ${count(mark.actors)}`)] as [string, ComponentChildren]]),
        ["Messages", sum(`${rate(rates.handled)} /s`)], ["Busy with messages", sum(percent(rates.busy))], ["Mean time of a message", seconds(rates.meanTime)],
        ["Mean wait in its mailbox", seconds(rates.meanWait)], ["In the mailbox now", sum(count(mark.waiting))],
        ["Messages since its start", sum(count(mark.handled))], ["Time on messages since then", sum(seconds(mark.busy_seconds))],
        ["Restarts", sum(count(mark.restarts))],
      ]} />
      {member && <MemberFacts member={member} cluster={cluster!} />}
      {member && <NodeActions member={member} onChanged={onChanged} />}
      <Senders marks={marks} mark={mark} link={link} />
      <Receivers marks={marks} mark={mark} link={link} />
      {mark.log && <Written title={mark.doing ? "Standard error as it is written" : "The last on standard error"} log={mark.log} />}
      {mark.times && <Histogram times={mark.times} />}
      {!mark.times && path.split("/").length === 2 && <Busiest marks={marks} path={path} link={link} />}
    </aside>
  );
}

/** What is not shown of a large group, and the way to more of it. */
function Part({ marks, mark }: { marks: Marks; mark: Mark }) {
  const shown = marks.membersOf(mark.path).length;
  if (mark.path.split("/").length !== 2 || shown === 0 || shown >= mark.actors) return null;
  const more = Math.min(MOST, mark.actors);
  return (
    <p>The busiest {count(shown)} of {count(mark.actors)} are shown.
      {shown < more && <> <a href={toRoute("topology", mark.path.split("/"), { most: String(more), hz: "10" })}>Show {count(more)}</a></>}</p>
  );
}

function Doing({ mark, stillFor }: { mark: Mark; stillFor: number | null }) {
  const doing = mark.doing!;
  return (
    <div class="doing">
      <p><JobLink id={doing.job} />{doing.pipeline ? ` ${doing.pipeline}` : ""}: <b>{doing.stage}</b>{doing.instance > 0 ? ` no. ${doing.instance + 1}` : ""}, attempt {doing.attempt}</p>
      <Bar permille={doing.permille} label={`${doing.stage} of job ${doing.job}`} />
      <p class="quiet">since {moment(doing.since)}{(stillFor ?? 0) >= 10 && <>; <b class={stillFor! >= STILL ? "wrong" : ""}>no progress for {seconds(stillFor)}</b></>}</p>
    </div>
  );
}

function MemberFacts({ member, cluster }: { member: Member; cluster: Cluster }) {
  return (
    <Facts rows={[
      ["Role", member.role], ["Membership", member.state],
      ["Tasks running", <a href={toRoute("jobs", [], { state: "running" })}>{count(member.tasks)}</a>],
      ["Slots", <a href={toRoute("slots")}>{count(member.slots ?? 0)}</a>],
      ["Behind", member.behind === undefined ? "the leader knows" : plural(member.behind, "entry", "entries")],
      ["Heard of", member.silent_ms === undefined ? "the leader knows" : member.id === cluster.leader ? "it leads" : `${seconds(member.silent_ms / 1000)} ago`],
      ["Program", member.program ?? "–"], ["Labels", member.labels?.join(", ") || "none"], ["Failure domain", member.domain || "none given"],
    ]} />
  );
}

function Senders({ marks, mark, link }: { marks: Marks; mark: Mark; link: (path: string) => string }) {
  const node = mark.path.split("/")[0]!;
  const rows = Object.keys(mark.received).map((kind) => ({ kind, rate: marks.rateFrom(mark.path, kind), all: mark.received[kind]! }))
    .sort((a, b) => (b.rate ?? 0) - (a.rate ?? 0));
  if (rows.length === 0) return null;
  const most = Math.max(1e-9, ...rows.map((row) => row.rate ?? 0));
  return (
    <table class="data tight">
      <caption>Messages by kind of sender</caption>
      <thead><tr><th scope="col">From</th><th scope="col" class="num">/s</th><th scope="col"><span class="sr-only">Share</span></th><th scope="col" class="num">Since start</th></tr></thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.kind}>
            <th scope="row">{marks.get(`${node}/${row.kind}`) ? <a href={link(`${node}/${row.kind}`)}>{row.kind}</a> : row.kind}</th>
            <td class="num">{rate(row.rate)}</td>
            <td class="spark"><Bar permille={(row.rate ?? 0) / most * 1000} /></td>
            <td class="num">{count(row.all)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The other nodes to which a node sends. */
function Receivers({ marks, mark, link }: { marks: Marks; mark: Mark; link: (path: string) => string }) {
  const rows = Object.keys(mark.sent_to ?? {}).map((node) => ({ node, rate: marks.rateTo(mark.path, node) })).sort((a, b) => (b.rate ?? 0) - (a.rate ?? 0));
  if (rows.length === 0) return null;
  return (
    <table class="data tight">
      <caption>Frames to other nodes</caption>
      <thead><tr><th scope="col">To</th><th scope="col" class="num">/s</th><th scope="col" class="num">Since start</th></tr></thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.node}>
            <th scope="row"><a href={link(row.node)}>{marks.get(row.node)?.name ?? row.node}</a></th>
            <td class="num">{rate(row.rate)}</td><td class="num">{count(mark.sent_to![row.node]!)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The members of a group that work most. */
function Busiest({ marks, path, link }: { marks: Marks; path: string; link: (path: string) => string }) {
  const rows = marks.membersOf(path).map((member) => ({ mark: marks.get(member)!, rates: marks.rates(member) }))
    .sort((a, b) => (b.rates.busy ?? 0) - (a.rates.busy ?? 0)).slice(0, 8);
  if (rows.length < 2) return null;
  return (
    <table class="data tight">
      <caption>The busiest of it</caption>
      <thead><tr><th scope="col">Name</th><th scope="col" class="num">/s</th><th scope="col" class="num">Busy</th><th scope="col" class="num">Waiting</th></tr></thead>
      <tbody>
        {rows.map(({ mark, rates }) => (
          <tr key={mark.path}>
            <th scope="row"><a href={link(mark.path)}>{mark.name}</a></th>
            <td class="num">{rate(rates.handled)}</td><td class="num">{percent(rates.busy)}</td><td class="num">{count(mark.waiting)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function ClusterDetails({ cluster, link }: { cluster: Cluster | null; link: (path: string) => string }) {
  if (!cluster) return <aside class="card details" aria-label="About the cluster"><p class="quiet">Asking the node.</p></aside>;
  const leader = cluster.nodes.find((node) => node.id === cluster.leader);
  return (
    <aside class="card details" aria-label="About the cluster">
      <header><h2>Cluster</h2><span class={`pill ${cluster.alarms.length ? "warn" : "well"}`}>{cluster.alarms.length ? plural(cluster.alarms.length, "alarm") : "no alarms"}</span></header>
      {cluster.alarms.map((alarm) => <p key={alarm.code + alarm.why} class="notice warn"><a href={toRoute("events", [], { kind: "alarm" })}>{alarm.code.replace(/_/g, " ")}</a>: {alarm.why}</p>)}
      <WorkDetails />
      <h3>Log</h3>
      <Facts rows={[
        ["Leader", leader ? <a href={link(leader.id)}>{leader.address}</a> : "none"], ["Term", <a href={toRoute("slots")}>{count(cluster.term)}</a>], ["Voters", <a href={toRoute("slots")}>{count(cluster.voters)}</a>],
        ["Can lose", cluster.losses_survived === null ? "the leader knows" : plural(cluster.losses_survived, "more voter")], ["Log index", <a href={toRoute("slots")}>{count(cluster.log_index)}</a>],
        ["Decisions by the leader", <a href={toRoute("events", [], { kind: "decision" })}>{count(cluster.decisions.length)}</a>],
      ]} />
      <table class="data tight">
        <caption>Nodes</caption>
        <thead><tr><th scope="col">Node</th><th scope="col">Role</th><th scope="col" class="num">Tasks</th><th scope="col" class="num">Behind</th></tr></thead>
        <tbody>
          {cluster.nodes.map((node) => (
            <tr key={node.id}>
              <th scope="row"><a href={link(node.id)}>{node.address}</a></th>
              <td>{node.role}{node.state === "active" ? "" : `, ${node.state}`}</td>
              <td class="num"><a href={toRoute("slots")}>{count(node.tasks)}</a></td><td class="num">{node.behind === undefined ? "–" : count(node.behind)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {!cluster.leads && <p class="quiet">This node does not lead: it does not know who is silent or behind.</p>}
    </aside>
  );
}
