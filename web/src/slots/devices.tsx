// The devices of the node that answers: what they do, and why one is not in use.
import type { Device } from "../api/types";
import { bytes, count, percent } from "../format";

const said = (value: number | null, unit: string): string => (value === null ? "–" : `${Math.round(value)} ${unit}`);

function errorsOf(one: Device): string {
  const all: [number, string][] = [[one.xids, "Xid"], [one.errors_uncorrected ?? 0, "of memory"], [one.lost_to_workers, "lost to workers"]];
  return all.filter(([times]) => times > 0).map(([times, what]) => `${count(times)} ${what}`).join(", ") || "none";
}

export function Devices({ devices }: { devices: Device[] }) {
  return (
    <section class="card wide" aria-labelledby="devices-title">
      <h2 id="devices-title">Devices of this node</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of devices">
        <table class="data cards">
          <caption class="sr-only">Devices that networks run on</caption>
          <thead><tr><th scope="col">Device</th><th scope="col">State</th><th scope="col" class="num">Busy</th><th scope="col" class="num">Memory in use</th><th scope="col" class="num">Claimed and kept by tasks</th>
            <th scope="col" class="num">Temperature</th><th scope="col" class="num">Power</th><th scope="col">Errors</th></tr></thead>
          <tbody>
            {devices.map((one) => (
              <tr key={one.uuid}>
                <th scope="row" title={one.uuid}>{one.index}: {one.name}</th>
                <td class={one.state === "open" ? "" : "why"} data-label="State">{one.state}{one.why ? `: ${one.why}` : ""}{one.tasks_waiting > 0 ? `; ${count(one.tasks_waiting)} wait for its memory` : ""}</td>
                <td class="num" data-label="Busy">{one.busy_percent === null ? "–" : percent(one.busy_percent / 100)}</td>
                <td class="num" data-label="Memory in use">{bytes(one.used_bytes)} of {bytes(one.memory_bytes)}</td>
                <td class="num" data-label="Claimed and kept by tasks">{bytes(one.claimed_bytes + one.kept_bytes)} of {bytes(one.budget_bytes)}</td>
                <td class="num" data-label="Temperature">{said(one.temperature_celsius, "°C")}</td><td class="num" data-label="Power">{said(one.power_watts, "W")}</td>
                <td data-label="Errors">{errorsOf(one)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
