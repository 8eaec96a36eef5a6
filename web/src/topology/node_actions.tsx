// What an operator can do with a node. Each says first what will happen.
import { useState } from "preact/hooks";
import { post, remove } from "../api/rest";
import type { DrainPlan, Member } from "../api/types";
import { plural } from "../format";
import { Confirm } from "../parts/confirm";

type Asked = { what: "drain"; plan: DrainPlan } | { what: "resume" } | { what: "remove" } | null;

export function NodeActions({ member, onChanged }: { member: Member; onChanged: () => void }) {
  const [asked, setAsked] = useState<Asked>(null);
  const [error, setError] = useState("");
  const path = `/v1/nodes/${member.id}`;
  const askDrain = async () => {
    setError("");
    try {
      setAsked({ what: "drain", plan: await post<DrainPlan>(`${path}/drain`, { dry_run: true }) });
    } catch (failure) {
      setError((failure as Error).message);
    }
  };
  const close = () => { setAsked(null); onChanged(); };
  return (
    <div class="actions">
      {member.state === "active" && <button type="button" onClick={askDrain}>Drain</button>}
      {member.state !== "active" && <button type="button" onClick={() => setAsked({ what: "resume" })}>Resume</button>}
      <button type="button" class="danger" onClick={() => setAsked({ what: "remove" })}>Remove</button>
      {error && <p class="notice bad" role="alert">{error}</p>}
      {asked?.what === "drain" && (
        <Confirm title={`Drain ${member.address}?`} verb="Drain" onClose={close} act={() => post(`${path}/drain`, {})}>
          <Plan plan={asked.plan} />
        </Confirm>)}
      {asked?.what === "resume" && (
        <Confirm title={`Let ${member.address} work again?`} verb="Resume" onClose={close} act={() => post(`${path}/resume`, {})}>
          <p>Its slots ask for tasks again, and it may vote and lead again.</p>
        </Confirm>)}
      {asked?.what === "remove" && (
        <Confirm title={`Remove ${member.address} from the cluster?`} verb="Remove" isDangerous onClose={close} act={() => remove(path)}>
          <p>The cluster forgets the node for good: with its data directory it cannot come back. What it ran is run elsewhere.</p>
          <p>It is refused if the node leads, is alive and not drained, or if the rest of the voters would be no majority.</p>
        </Confirm>)}
    </div>
  );
}

function Plan({ plan }: { plan: DrainPlan }) {
  return (
    <ul>
      <li>It takes no more tasks; {plan.tasks === 0 ? "none runs there now" : `${plural(plan.tasks, "task")} that ${plan.tasks === 1 ? "runs" : "run"} there go on until their end`}.</li>
      {plan.leads && <li>{plan.leader_then === plan.node ? "It goes on leading: nobody else can." : `Node ${plan.leader_then} leads in its place.`}</li>}
      {plan.votes && <li>{plan.keeps_vote ? "It keeps its vote: nobody could take it." : `Its vote goes to ${plan.new_voters.join(", ") || "nobody"}.`}</li>}
      <li>{plural(plan.slots_left, "slot")} of other nodes go on working; it has {plan.slots}.</li>
      {plan.labels_lost.length > 0 && <li>No other slot has these labels: {plan.labels_lost.join(", ")}.</li>}
      <li>{plan.losses_survived_then === 0 ? "Once it is stopped, the loss of one more voter stops all writing." : `Once it is stopped, ${plural(plan.losses_survived_then, "more voter")} may be lost before nothing can be written.`}</li>
      <li>{plan.removable_then ? "Once it is drained it can be removed, or stopped and started again; Resume takes the drain back." : `It could not be removed then: ${plan.why_not_removable}`}</li>
      {plan.guess && <li>This is a guess: the node that answered does not lead and does not know who lives.</li>}
    </ul>
  );
}
