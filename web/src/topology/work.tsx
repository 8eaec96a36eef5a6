// How the jobs go, for the first look: the newest ones, what waits, what gave up.
import type { JobPage, NodeState } from "../api/types";
import { count, milliseconds, plural, rate } from "../format";
import { recentOf } from "../jobs/recent";
import { useHeldPoll } from "../live/held";
import { hold } from "../live/hold";
import { Facts, Problem } from "../parts/basics";
import { linkTo } from "../route";
import { pausedOf, PauseNotices, usePauses } from "../slots/pauses";
import { DEAD, LISTED, NEWEST, NODE } from "../trend/figures";

export function WorkDetails() {
  const newest = useHeldPoll<JobPage>(NEWEST, 3000);
  const dead = useHeldPoll<JobPage>(DEAD, 3000);
  const node = useHeldPoll<NodeState>(NODE, 1000);
  const pauses = usePauses();
  const jobs = newest.data?.jobs ?? [];
  const recent = recentOf(jobs, hold.clock(Date.now()));
  const gaveUp = dead.data?.jobs.length ?? 0;
  const only = (state: string, text: string) => <a href={linkTo("jobs", [], { state })}>{text}</a>;
  return (
    <section class="work" aria-label="Jobs">
      <h3>Jobs</h3>
      <PauseNotices from={pauses} />
      <Problem error={newest.error ?? dead.error ?? node.error} />
      <Facts rows={[
        ["Running", node.data ? only("running", count(node.data.jobs_running)) : "–"], ["Queued", node.data ? only("queued", `${count(node.data.jobs_queued)}${pausedOf(node.data.jobs_paused)}`) : "–"],
        ["Dead letters", dead.data ? <a class={gaveUp ? "pill dead" : ""} href={linkTo("jobs", [], { state: "dead" })}>{dead.data.next_cursor ? `more than ${count(gaveUp)}` : count(gaveUp)}</a> : "–"],
        [jobs.length < LISTED ? "Submitted" : `The newest ${LISTED}: submitted`, recent.perSecond === null ? "–" : `${rate(recent.perSecond)} /s`],
        ["Failed of those that ended", recent.lost === 0 ? "none" : <a href={linkTo("jobs", [], { state: "failed" })}>{`${count(recent.lost)} of ${count(recent.ended)}`}</a>],
        ["Waited to begin", recent.wait ? `half ${milliseconds(recent.wait.half * 1000)}, 19 of 20 ${milliseconds(recent.wait.most * 1000)}` : "–"],
      ]} />
      {recent.worst && <p class="quiet">Most of the failed ones: <a href={linkTo("jobs", [], { pipeline: recent.worst.pipeline })}>{recent.worst.pipeline}</a> ({plural(recent.worst.lost, "job")}).</p>}
    </section>
  );
}
