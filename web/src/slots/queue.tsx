// What waits: counts of the node that answers, and the jobs that have waited longest with their reasons.
import { useEffect, useState } from "preact/hooks";
import { useNow, usePoll } from "../api/poll";
import { get } from "../api/rest";
import type { Job, JobPage, NodeState } from "../api/types";
import { ago, count, plural } from "../format";
import { Bar, Facts, JobLink } from "../parts/basics";
import { linkTo } from "../route";
import { PauseButton, pausedOf, PauseNotices, usePauses } from "./pauses";

/** Of so many waiting jobs the reasons are asked for. */
const SHOWN = 6;

/** The list of the API has the newest first: of at most 500 the last ones have waited longest. */
function useFirstWaiting(): { jobs: Job[]; isPart: boolean } {
  const page = usePoll<JobPage>("/v1/jobs?state=queued&limit=500", 3000);
  const [jobs, setJobs] = useState<Job[]>([]);
  const ids = (page.data?.jobs ?? []).slice(-SHOWN).reverse().map((job) => job.id).join(" ");
  useEffect(() => {
    let isOld = false;
    const all = ids ? ids.split(" ") : [];
    Promise.all(all.map((id) => get<Job>(`/v1/jobs/${id}`).catch(() => null)))
      .then((found) => { if (!isOld) setJobs(found.filter((job): job is Job => job !== null)); });
    return () => { isOld = true; };
  }, [ids, page.data]);
  return { jobs, isPart: page.data?.next_cursor != null };
}

export function Queue({ node }: { node: NodeState }) {
  const { jobs, isPart } = useFirstWaiting();
  const now = useNow();
  const pauses = usePauses();
  return (
    <section class="card" aria-labelledby="queue-title">
      <div class="bar-row"><h2 id="queue-title">Queue</h2><PauseButton from={pauses} /></div>
      <PauseNotices from={pauses} />
      <Facts rows={[
        ["Jobs queued", <a href={linkTo("jobs", [], { state: "queued" })}>{count(node.jobs_queued)}{pausedOf(node.jobs_paused)}</a>],
        ["Jobs running", <a href={linkTo("jobs", [], { state: "running" })}>{count(node.jobs_running)}</a>],
        ["Tasks ready", <a href={linkTo("jobs", [], { state: "running" })}>{count(node.tasks_ready)}{pausedOf(node.tasks_paused)}</a>], ["Jobs it holds at most", count(node.queue_limit)],
      ]} />
      <Bar permille={node.jobs_queued / Math.max(1, node.queue_limit) * 1000} label="How full the queue is" />
      <h3>{isPart ? "Waiting, among the newest 500" : "First to wait"}</h3>
      {jobs.length === 0 && node.jobs_queued === 0 && <p class="quiet">No job waits for its first slot.</p>}
      <ul class="wait-list">
        {jobs.map((job) => {
          const waiting = (job.stages ?? []).filter((stage) => stage.reason && stage.state !== "skipped");
          return (
            <li key={job.id}>
              <JobLink id={job.id} whole /> {job.pipeline} <span class="quiet">{ago(job.created_at, now)}, priority {job.priority}</span>
              {waiting.slice(0, 3).map((stage) => <p key={stage.name} class="quiet">{stage.name}: {stage.reason}</p>)}
              {waiting.length > 3 && <p class="quiet">and {plural(waiting.length - 3, "stage")} more</p>}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
