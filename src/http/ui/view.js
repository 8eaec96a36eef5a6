// How jobs look. Elements are made once and changed in place, so that a video that plays goes on playing.

/// An element with properties and children.
export function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (name in node && name !== "for" && name !== "min" && name !== "max" && name !== "step") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

/// "seconds_per_picture" -> "Seconds per picture"
export function words(name) {
  const text = name.replaceAll(/[_-]/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function ago(time) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000));
  if (seconds < 10) return "just now";
  if (seconds < 90) return `${seconds} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h ago`;
  return new Date(time).toLocaleDateString();
}

function span(ms) {
  const seconds = Math.max(1, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

const FINAL = new Set(["succeeded", "failed", "cancelled", "dead"]);
export const isFinal = (job) => FINAL.has(job.state);
const STATES = { queued: "Waiting", running: "Working", succeeded: "Done", failed: "Failed", cancelled: "Cancelled", dead: "Gave up" };
const STAGES = { waiting: "waits", ready: "next in line", running: "", backing_off: "tries again soon", done: "done", skipped: "not needed", failed: "failed", cancelled: "cancelled" };
const CAUSES = {
  bad_input: "The input cannot be used", failed: "The work failed", crashed: "The program crashed", hung: "The program stopped making progress",
  timed_out: "It took too long", node_lost: "The machine was lost", handed_back: "The machine was shut down",
  input_lost: "A part was lost and is made again", input_unreachable: "A part is on a machine that does not answer",
};

function titleOf(job) {
  const inputs = job.inputs ?? {};
  const texts = ["title", "text", "prompt"].map((name) => inputs[name]).filter((value) => typeof value === "string" && value.trim());
  return texts[0] ?? words(job.pipeline);
}

function stageText(stage) {
  if (stage.state === "done" && stage.started_at && stage.ended_at) return `done in ${span(Date.parse(stage.ended_at) - Date.parse(stage.started_at))}`;
  if (stage.state !== "running") return STAGES[stage.state] ?? stage.state;
  const share = `${Math.floor(stage.permille / 10)} %`;
  const eta = stage.eta_ms ? ` · ${span(stage.eta_ms)} left` : "";
  return share + eta;
}

class StageView {
  constructor() {
    this.name = h("span", { class: "name" });
    this.fill = h("i");
    this.bar = h("div", { class: "bar", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" }, this.fill);
    this.what = h("span", { class: "what" });
    this.node = h("li", { class: "stage" }, this.name, this.bar, this.what);
  }
  update(stage) {
    this.node.className = `stage ${stage.state}`;
    this.node.title = [stage.reason, stage.message].filter(Boolean).join(" · ");
    this.name.textContent = words(stage.name) + (stage.instances > 1 ? ` ${stage.instances_done}/${stage.instances}` : "");
    this.fill.style.width = `${stage.permille / 10}%`;
    this.bar.setAttribute("aria-valuenow", Math.round(stage.permille / 10));
    this.bar.setAttribute("aria-label", this.name.textContent);
    this.what.textContent = stageText(stage);
  }
}

const mediaTypes = new Map();
async function mediaTypeOf(hash) {
  if (!mediaTypes.has(hash)) {
    const head = await fetch(`/v1/artifacts/${hash}`, { method: "HEAD" });
    if (!head.ok) return "";
    mediaTypes.set(hash, head.headers.get("Content-Type") ?? "");
  }
  return mediaTypes.get(hash);
}

const EXTENSIONS = { "video/mp4": "mp4", "video/webm": "webm", "image/png": "png", "image/jpeg": "jpg", "audio/wav": "wav", "audio/mpeg": "mp3" };

async function mediaNode(job, name, hash) {
  const type = await mediaTypeOf(hash);
  const url = `/v1/artifacts/${hash}`;
  const file = `${job.pipeline}-${job.id.slice(-6)}-${name}.${EXTENSIONS[type] ?? "bin"}`;
  const download = h("a", { class: "small", href: `${url}?download=${encodeURIComponent(file)}` }, `Download ${words(name).toLowerCase()}`);
  if (type.startsWith("video/")) return [h("video", { src: url, controls: true, preload: "metadata", playsInline: true }), download];
  if (type.startsWith("image/")) return [h("img", { src: url, alt: words(name) }), download];
  if (type.startsWith("audio/")) return [h("audio", { src: url, controls: true, preload: "metadata" }), download];
  return [download];
}

export class JobView {
  /// @param actions  {cancel(job): Promise, again?}
  constructor(actions) {
    this.actions = actions;
    this.stages = new Map();
    this.title = h("h3");
    this.about = h("p");
    this.pill = h("span", { class: "pill" });
    this.list = h("ul", { class: "stages" });
    this.notice = h("div", { class: "notice bad", hidden: true });
    this.results = h("div", { class: "results", hidden: true });
    this.cancel = h("button", { class: "small", type: "button", onclick: () => this.onCancel() }, "Cancel");
    this.downloads = h("div", { class: "actions" }, this.cancel);
    this.trouble = h("details", { hidden: true }, h("summary", {}, "What the program wrote"), h("pre"));
    this.node = h("article", { class: "card job" },
      h("div", { class: "job-head" }, h("div", { class: "job-title" }, this.title, this.about), this.pill),
      this.list, this.notice, this.trouble, this.results, this.downloads);
  }
  update(job) {
    this.job = job;
    this.title.textContent = titleOf(job);
    this.pill.textContent = STATES[job.state] ?? job.state;
    this.pill.className = `pill ${job.state}`;
    this.refreshTime();
    for (const stage of job.stages ?? []) {
      if (!this.stages.has(stage.name)) {
        this.stages.set(stage.name, new StageView());
        this.list.append(this.stages.get(stage.name).node);
      }
      this.stages.get(stage.name).update(stage);
    }
    this.list.hidden = job.state === "succeeded";
    this.cancel.hidden = isFinal(job);
    this.showError(job);
    if (job.state === "succeeded") this.showResults(job);
    this.downloads.hidden = [...this.downloads.children].every((child) => child.hidden);
  }
  /// A sign of life of a stage, between two journalled states.
  progress(event) {
    const stage = this.job?.stages?.find((one) => one.name === event.stage);
    if (!stage || stage.instances > 1) return;
    Object.assign(stage, { state: "running", permille: event.permille, eta_ms: event.eta_ms, message: event.message });
    this.stages.get(stage.name).update(stage);
  }
  refreshTime() {
    const { job } = this;
    const took = job.ended_at && job.started_at ? ` · took ${span(Date.parse(job.ended_at) - Date.parse(job.started_at))}` : "";
    this.about.textContent = `${words(job.pipeline)} · ${ago(job.created_at)}${took}`;
  }
  showError(job) {
    const retrying = (job.stages ?? []).find((stage) => stage.state === "backing_off");
    const error = job.error;
    this.notice.hidden = !error && !retrying;
    this.notice.className = `notice ${error ? "bad" : "warn"}`;
    if (error) this.notice.textContent = `${CAUSES[error.cause] ?? "It failed"}${error.stage ? ` in “${words(error.stage)}”` : ""}. ${error.detail}`;
    else if (retrying) this.notice.textContent = `“${words(retrying.name)}” failed and is tried again. ${retrying.last_failure?.detail ?? ""}`;
    const text = (job.stages ?? []).map((stage) => stage.last_failure?.stderr).find(Boolean);
    this.trouble.hidden = !error || !text;
    this.trouble.querySelector("pre").textContent = text ?? "";
  }
  async showResults(job) {
    if (this.hasResults) return;
    this.hasResults = true;
    for (const [name, value] of Object.entries(job.result ?? {})) {
      const hashes = [value].flat().map((one) => one?.artifact).filter(Boolean);
      for (const hash of hashes) {
        const nodes = await mediaNode(job, name, hash);
        this.downloads.append(nodes.pop());
        this.results.append(...nodes);
      }
    }
    this.results.hidden = this.results.children.length === 0;
    this.downloads.hidden = [...this.downloads.children].every((child) => child.hidden);
  }
  async onCancel() {
    this.cancel.disabled = true;
    try {
      await this.actions.cancel(this.job);
    } catch (failure) {
      this.notice.hidden = false;
      this.notice.textContent = failure.message;
    } finally {
      this.cancel.disabled = false;
    }
  }
}
