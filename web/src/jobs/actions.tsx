// Cancelling a job, and submitting it again.
import { useState } from "preact/hooks";
import { post } from "../api/rest";
import { hasEnded, type Job } from "../api/types";
import { Confirm } from "../parts/confirm";
import { linkTo } from "../route";

export function RetryButton({ job, label = "Retry" }: { job: Job; label?: string }) {
  const [isAsked, setAsked] = useState(false);
  const act = async () => {
    const next = await post<Job>(`/v1/jobs/${job.id}/retry`, {});
    location.hash = linkTo("jobs", [next.id]);
  };
  return (
    <>
      <button type="button" aria-label={`${label} job ${job.id}`} onClick={() => setAsked(true)}>{label}</button>
      {isAsked && (
        <Confirm title="Submit the same request again?" verb="Submit again" act={act} onClose={() => setAsked(false)}>
          <p>A new job of pipeline <b>{job.pipeline}</b> with the same inputs begins from the start. Job <span class="mono">{job.id}</span> stays as it is.</p>
        </Confirm>)}
    </>
  );
}

export function JobActions({ job, onChanged }: { job: Job; onChanged: () => void }) {
  const [isAsked, setAsked] = useState(false);
  const running = (job.stages ?? []).filter((stage) => stage.state === "running").map((stage) => stage.name);
  if (hasEnded(job.state)) return <RetryButton job={job} label={job.state === "succeeded" ? "Run again" : "Retry"} />;
  return (
    <>
      <button type="button" class="danger" onClick={() => setAsked(true)}>Cancel</button>
      {isAsked && (
        <Confirm title="Cancel this job?" verb="Cancel the job" isDangerous onClose={() => { setAsked(false); onChanged(); }}
          act={() => post(`/v1/jobs/${job.id}/cancel`, { reason: "cancelled in the inspector" })}>
          <p>{running.length ? `What runs now (${running.join(", ")}) is stopped, and its work is lost.` : "Nothing of it runs now."} The job ends as cancelled, for good.</p>
        </Confirm>)}
    </>
  );
}
