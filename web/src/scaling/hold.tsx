// An operator's word over the policy, for a while.
import { useState } from "preact/hooks";
import { post } from "../api/rest";
import type { Scaling } from "../api/types";
import { moment, plural } from "../format";
import { Confirm } from "../parts/confirm";

const TIMES: [string, number][] = [["15 minutes", 900_000], ["1 hour", 3_600_000], ["4 hours", 14_400_000], ["1 day", 86_400_000]];

export function HoldActions({ scaling, onChanged }: { scaling: Scaling; onChanged: () => void }) {
  const [asked, setAsked] = useState<"hold" | "release" | null>(null);
  const close = () => { setAsked(null); onChanged(); };
  return (
    <div class="actions">
      <button type="button" onClick={() => setAsked("hold")}>Hold…</button>
      {scaling.held && <button type="button" onClick={() => setAsked("release")}>Release…</button>}
      {asked === "hold" && <HoldDialog scaling={scaling} onClose={close} />}
      {asked === "release" && (
        <Confirm title="Let the policy decide again?" verb="Release" onClose={close} act={() => post("/v1/scaling/release", {})}>
          <p>From the next decision on the policy {scaling.policy} says how many nodes there are. A pause after too many steps ends with it.</p>
        </Confirm>)}
    </div>
  );
}

function HoldDialog({ scaling, onClose }: { scaling: Scaling; onClose: () => void }) {
  const [nodes, setNodes] = useState(scaling.desired ?? 1);
  const [time, setTime] = useState(3_600_000);
  const now = scaling.desired ?? 0;
  return (
    <Confirm title="Hold the number of nodes?" verb="Hold" onClose={onClose} act={() => post("/v1/scaling/hold", { nodes, for_ms: time })}>
      <label class="field"><span class="field-name">Nodes</span>
        <input type="number" min={0} value={nodes} onInput={(event) => setNodes(Math.max(0, Math.round(event.currentTarget.valueAsNumber || 0)))} /></label>
      <label class="field"><span class="field-name">For</span>
        <select value={time} onChange={(event) => setTime(Number(event.currentTarget.value))}>
          {TIMES.map(([text, value]) => <option key={value} value={value}>{text}</option>)}
        </select></label>
      <ul>
        <li>{nodes > now ? `${plural(nodes - now, "node")} more ${nodes - now === 1 ? "is" : "are"} ordered.` : nodes < now ? `${plural(now - nodes, "node")} ${now - nodes === 1 ? "goes" : "go"}, each once it is drained: no task is ended.` : "Nothing changes now."}</li>
        <li>Until {moment(Date.now() + time)} the policy {scaling.policy} changes nothing, whatever the load; then it decides again.</li>
        <li>The bounds of the policy hold on; what lies outside is refused.</li>
      </ul>
    </Confirm>
  );
}
