// The Gantt chart of a job, and the same as a table of its attempts.
import { milliseconds, moment, words } from "../format";
import { failureText } from "../parts/basics";
import { linkToMark } from "../route";
import { type Segment, slotOf, ticks, type Track } from "./gantt";

/** More tracks than this are not drawn: a stage may have a thousand elements. */
const TRACKS = 60;

interface Props { tracks: Track[]; from: number; to: number; addresses: ReadonlyMap<string, string> }

export function nameOf(track: { stage: string; instance: number; hasInstances: boolean }): string {
  return track.hasInstances ? `${track.stage} ${track.instance + 1}` : track.stage;
}

const PHASES: Record<string, string> = { ready: "waits for a slot", backing_off: "pause before the next attempt", run: "attempt" };

function tellOf(segment: Segment, track: Track): string {
  const took = milliseconds(segment.to - segment.from);
  if (segment.phase !== "run") return `${nameOf(track)}: ${PHASES[segment.phase]}, ${took}`;
  const why = segment.cause ? `: ${failureText(segment.cause, segment.detail)}` : "";
  return `${nameOf(track)}, attempt ${segment.attempt}, ${segment.outcome} ${segment.outcome === "running" ? "for" : "after"} ${took}${why}`;
}

export function Chart({ tracks, from, to, addresses }: Props) {
  const span = Math.max(1, to - from);
  const share = (time: number) => `${Math.max(0, Math.min(100, (time - from) / span * 100))}%`;
  const shown = tracks.slice(0, TRACKS);
  return (
    <div class="gantt">
      <div class="gantt-axis" aria-hidden="true">
        {ticks(span, 6).map((tick) => <span key={tick} style={{ left: `${tick / span * 100}%` }}>{tick === 0 ? "0" : milliseconds(tick)}</span>)}
      </div>
      <ul>
        {shown.map((track) => (
          <li key={`${track.stage}#${track.instance}`}>
            <span class="gantt-name">{nameOf(track)}</span>
            <span class="gantt-lane">
              {track.skipped !== undefined && <span class="gantt-skipped quiet">skipped: {track.skipped}</span>}
              {track.segments.map((segment, at) => segment.to > segment.from && <Piece key={at} segment={segment} track={track} left={share(segment.from)} right={share(segment.to)} isWide={(segment.to - segment.from) / span > 0.035} addresses={addresses} />)}
            </span>
          </li>
        ))}
      </ul>
      {tracks.length > TRACKS && <p class="quiet">The first {TRACKS} of {tracks.length}.</p>}
      <ul class="legend"><li><i class="key lane-ready" />waits for a slot</li><li><i class="key lane-run" />runs</li><li><i class="key lane-done" />done</li>
        <li><i class="key lane-failed">✕</i>failed</li><li><i class="key lane-backing_off" />pause before a retry</li></ul>
    </div>
  );
}

interface PieceProps { segment: Segment; track: Track; left: string; right: string; isWide: boolean; addresses: ReadonlyMap<string, string> }

function Piece({ segment, track, left, right, isWide, addresses }: PieceProps) {
  const tell = tellOf(segment, track);
  const place = { left, width: `max(3px, calc(${right} - ${left}))` };
  const look = segment.phase === "run" ? segment.outcome : segment.phase;
  const slot = slotOf(segment.slot);
  if (!slot) return <span class={`piece lane-${look}`} style={place} title={tell} />;
  const where = `${addresses.get(slot.node) ?? slot.node}, slot ${slot.index}`;
  return (
    <a class={`piece lane-${look}`} style={place} title={`${tell} (${where})`} aria-label={`${tell}, on ${where}`} href={linkToMark(slot.mark)}>
      {isWide && `${segment.outcome === "failed" ? "✕ " : ""}${segment.attempt}`}
    </a>
  );
}

/** Each attempt in words. */
export function Attempts({ tracks, addresses }: { tracks: Track[]; addresses: ReadonlyMap<string, string> }) {
  const rows = tracks.flatMap((track) => track.segments.map((segment, at) => ({ track, segment, before: track.segments[at - 1] })))
    .filter((row) => row.segment.phase === "run").sort((a, b) => a.segment.from - b.segment.from).slice(0, 500);
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Table of attempts">
      <table class="data cards">
        <caption class="sr-only">Attempts</caption>
        <thead><tr><th scope="col">Stage</th><th scope="col" class="num">Attempt</th><th scope="col">Where</th><th scope="col" class="num">Began</th>
          <th scope="col" class="num">Waited</th><th scope="col" class="num">Took</th><th scope="col">How it ended</th></tr></thead>
        <tbody>
          {rows.map(({ track, segment, before }) => {
            const slot = slotOf(segment.slot);
            return (
              <tr key={`${track.stage}#${track.instance}#${segment.attempt}#${segment.from}`}>
                <th scope="row">{words(nameOf(track))}</th>
                <td class="num" data-label="Attempt">{segment.attempt}</td>
                <td data-label="Where">{slot ? <><a href={linkToMark(slot.node)}>{addresses.get(slot.node) ?? slot.node}</a> <a href={linkToMark(slot.mark)}>slot {slot.index}</a></> : "–"}</td>
                <td class="num" data-label="Began">{moment(segment.from)}</td>
                <td class="num" data-label="Waited">{before?.phase === "ready" ? milliseconds(before.to - before.from) : "–"}</td>
                <td class="num" data-label="Took">{milliseconds(segment.to - segment.from)}</td>
                <td data-label="End"><span class={`pill ${segment.outcome === "stopped" ? "cancelled" : segment.outcome}`}>{segment.outcome}</span>
                  {segment.cause && <span class="why"> {failureText(segment.cause, segment.detail)}</span>}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {rows.length === 0 && <p class="empty">No attempt has begun.</p>}
    </div>
  );
}
