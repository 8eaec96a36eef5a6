// #/scaling: how many nodes there should be, why, and what would have to come for another number.
import { useNow, usePoll } from "../api/poll";
import type { Cluster, Machine, Scaling as Status, ScalingDecision } from "../api/types";
import { ago, count, moment, seconds, words } from "../format";
import { Facts, Problem } from "../parts/basics";
import { linkTo, linkToMark } from "../route";
import { Chart } from "./chart";
import { HoldActions } from "./hold";

export function Scaling() {
  const { data, error, refresh } = usePoll<Status>("/v1/scaling", 2000);
  return (
    <section class="scaling" aria-labelledby="scaling-title">
      <h1 id="scaling-title">Scaling</h1>
      <Problem error={error} />
      {data?.policy === null && <Off />}
      {data?.policy && (data.leads ? <Decided scaling={data} refresh={refresh} /> : <Elsewhere />)}
    </section>
  );
}

/** The node that leads decides, and it alone knows why. */
function Elsewhere() {
  const { data: cluster } = usePoll<Cluster>("/v1/cluster");
  const leader = cluster?.nodes.find((node) => node.id === cluster.leader && node.id !== cluster.seen_by);
  if (!leader) return <p class="notice warn" role="status">No node decides at this moment.</p>;
  return <p class="notice" role="status">The node that leads decides: <a href={`${location.protocol}//${leader.address}/inspector#/scaling`}>{leader.address}</a>.</p>;
}

function Off() {
  return (
    <div class="card">
      <p>The number of nodes does not follow the load here. To let it, name a policy when nodes start:</p>
      <pre>troupe node --set scaling.policy=default --set scaling.provider=local</pre>
      <p class="quiet"><span class="mono">troupe scale simulate</span> tries a policy out before it acts. See “Scaling” in the documents.</p>
    </div>
  );
}

function Decided({ scaling, refresh }: { scaling: Status; refresh: () => void }) {
  const now = useNow();
  const working = scaling.machines.filter((one) => one.state === "ready").length;
  return (
    <>
      {scaling.alarms.map((alarm) => <p key={alarm.code + alarm.why} class="notice warn">{words(alarm.code)}: {alarm.why}</p>)}
      {scaling.held && <p class="notice warn">An operator holds it at {scaling.held.nodes} until {moment(scaling.held.until_ms, now)}.</p>}
      {scaling.degradation && scaling.degradation.level > 0 && (
        <p class="notice warn">At the limit, level {scaling.degradation.level}: {scaling.degradation.why}. {scaling.degradation.classes.filter((one) => one.measure !== "none").map((one) => `${words(one.class)} jobs: ${words(one.measure).toLowerCase()}`).join(", ")}.</p>)}
      <section class="card" aria-labelledby="now-title">
        <div class="bar-row"><h2 id="now-title">Pool {scaling.pool}</h2><HoldActions scaling={scaling} onChanged={refresh} /></div>
        <Facts rows={[
          ["Nodes wanted", scaling.desired === null ? "–" : count(scaling.desired)], ["Working", count(working)], ["On order", count(scaling.on_order)],
          ["Policy", scaling.policy], ["Environment", scaling.environment],
          ...(scaling.degradation?.classes ?? []).filter((one) => one.expected_wait_ms !== null)
            .map((one): [string, string] => [`Wait, ${one.class}`, one.expected_wait_ms === 0 ? "none" : seconds(one.expected_wait_ms! / 1000)]),
        ]} />
        <Chart points={scaling.course ?? []} />
        {scaling.now && <Reason decision={scaling.now} />}
      </section>
      <div class="scaling-grid">
        <Machines machines={scaling.machines} now={now} />
        <Decisions decisions={scaling.decisions} now={now} />
      </div>
    </>
  );
}

/** Why it is as it is, what each rule says, and what would change it. */
function Reason({ decision }: { decision: ScalingDecision }) {
  return (
    <div class="reason">
      <p><span class="pill plain">{words(decision.reason).toLowerCase()}</span> {decision.text}</p>
      {decision.otherwise && decision.otherwise.length > 0 && (
        <ul aria-label="What would change it">{decision.otherwise.map((one) => <li key={one.rule + one.text}>{one.text}</li>)}</ul>)}
      {decision.said.length > 0 && (
        <div class="scroll"><table class="data tight">
          <caption class="sr-only">What the rules say</caption>
          <thead><tr><th scope="col">Rule</th><th scope="col">Says</th><th scope="col" class="num">Nodes</th><th scope="col" class="num">Measured</th></tr></thead>
          <tbody>{decision.said.map((one) => (
            <tr key={one.rule} class={one.rule === decision.rule ? "chosen" : ""}>
              <th scope="row">{one.rule}</th><td>{words(one.says).toLowerCase()}</td><td class="num">{count(one.nodes)}</td>
              <td class="num">{one.value === undefined ? "–" : Number(one.value).toLocaleString("en", { maximumFractionDigits: 2 })}</td>
            </tr>))}</tbody>
        </table></div>)}
    </div>
  );
}

function Machines({ machines, now }: { machines: readonly Machine[]; now: number }) {
  return (
    <section class="card" aria-labelledby="machines-title">
      <h2 id="machines-title">Machines</h2>
      {machines.length === 0 && <p class="quiet">There is none.</p>}
      {machines.length > 0 && (
        <div class="scroll"><table class="data cards">
          <thead><tr><th scope="col">Machine</th><th scope="col">State</th><th scope="col">Since</th><th scope="col" class="num">Tasks</th><th scope="col">Node</th></tr></thead>
          <tbody>{machines.map((one) => (
            <tr key={one.name ?? one.node}>
              <th scope="row">{one.name ?? "not ordered"}</th>
              <td data-label="State"><span class={`pill ${one.state === "ready" ? "well" : "warn"}`}>{one.state}</span>{one.why && <span class="quiet"> {one.why}</span>}</td>
              <td data-label="Since" title={moment(one.since_ms, now)}>{ago(new Date(one.since_ms).toISOString(), now)}</td><td data-label="Tasks" class="num">{count(one.tasks)}</td>
              <td data-label="Node">{one.node ? <a class="mono" href={linkToMark(one.node)}>{one.node}</a> : "–"}</td>
            </tr>))}</tbody>
        </table></div>)}
    </section>
  );
}

function Decisions({ decisions, now }: { decisions: readonly ScalingDecision[]; now: number }) {
  const newest = [...decisions].reverse().slice(0, 50);
  return (
    <section class="card" aria-labelledby="decisions-title">
      <h2 id="decisions-title">Decisions</h2>
      {newest.length === 0 && <p class="quiet">None yet.</p>}
      <ol class="decisions" aria-label="Decisions, newest first">{newest.map((one) => (
        <li key={`${one.at} ${one.reason} ${one.rule}`}>
          <time dateTime={new Date(one.at).toISOString()} title={ago(new Date(one.at).toISOString(), now)}>{moment(one.at, now)}</time>
          <b>{one.from === one.to ? `stays at ${one.to}` : `${one.from} → ${one.to}`}</b>
          <span class="pill plain">{words(one.reason).toLowerCase()}</span>
          <span class="why">{one.text}</span>
        </li>))}</ol>
      <p class="quiet">What the cluster itself did stands in <a href={linkTo("events")}>Events</a>.</p>
    </section>
  );
}
