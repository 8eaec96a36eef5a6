// What the attempts of a job that run now write to standard error, as they write it.
import { words } from "../format";
import { useInspect } from "../live/inspect";
import { wayTo } from "../live/marks";
import { Written } from "../parts/written";
import { type Segment, slotOf, type Track } from "./gantt";

/** So many of the attempts that run at the same time are followed. */
const MOST = 8;

interface Running { track: Track; segment: Segment; worker: string }

export function runningOf(tracks: readonly Track[]): Running[] {
  return tracks.flatMap((track) => track.segments.flatMap((segment) => {
    const slot = segment.outcome === "running" ? slotOf(segment.slot) : null;
    return slot ? [{ track, segment, worker: `${slot.node}/worker/worker-${slot.index}` }] : [];
  })).slice(0, MOST);
}

/** Of at least one attempt. */
export function LiveLog({ job, running }: { job: string; running: readonly Running[] }) {
  const marks = useInspect({ open: [...new Set(running.flatMap(({ worker }) => wayTo(worker)))].sort(), hz: 2, most: 1 });
  return (
    <>
      {running.map(({ track, segment, worker }) => {
        const mark = marks.get(worker);
        const isOfIt = mark?.doing?.job === job && mark.doing.stage === track.stage && mark.doing.instance === track.instance;
        if (!isOfIt || !mark.log) return null;
        const element = track.hasInstances ? ` ${track.instance + 1}` : "";
        return <Written key={worker} title={`${words(track.stage)}${element}, attempt ${segment.attempt}: standard error as it is written`} log={mark.log} />;
      })}
    </>
  );
}
