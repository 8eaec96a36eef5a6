// The page: a form for each pipeline, and the recent jobs, live. It uses nothing but the public API.
import { makeForm } from "/form.js";
import { JobView } from "/view.js";

const SHOWN = 20;
const at = (id) => document.getElementById(id);
const jobs = new Map();      // id -> {job, view}
const refetching = new Map();  // id -> "running" | "again"

/// The node wants the API key. A page cannot show it with every request: it shows it once, and the node gives the browser a cookie.
function askForKey() {
  if (!at("sign-in").hidden) return;
  setClosed(true);
  at("key").focus();
  at("sign-in-form").onsubmit = async (event) => {
    event.preventDefault();
    const key = at("key").value.trim();
    if (!/^[\x21-\x7e]+$/.test(key)) return refuseKey("This is no API key: it has letters, digits and _ alone.");
    const response = await fetch("/v1/sign-in", { method: "POST", headers: { Authorization: `Bearer ${key}` } }).catch(() => null);
    if (!response) return refuseKey("The node could not be reached.");
    if (response.status === 401) return refuseKey("This is not the API key of this cluster.");
    if (!response.ok) return refuseKey((await failureOf(response)).message);
    localStorage.setItem("troupe.signed-in", String(Date.now()));  // other tabs and the inspector hear of it
    at("key").value = "";
    setClosed(false);
    status("", "connecting");
    listen();
  };
}

function refuseKey(why) {
  at("sign-in-error").textContent = why;
  at("sign-in-error").hidden = false;
}

function setClosed(is) {
  at("sign-in").hidden = !is;
  document.querySelector("main").hidden = is;
  at("sign-in-error").hidden = true;
  at("sign-out").hidden = is || !localStorage.getItem("troupe.signed-in");
  if (is) status("off", "sign in");
}

at("sign-out").onclick = async () => {
  const response = await fetch("/v1/sign-in", { method: "DELETE" }).catch(() => null);
  if (!response?.ok) return status("off", "still signed in: the node did not answer");
  localStorage.removeItem("troupe.signed-in");
  location.reload();
};
setClosed(false);

/// What to tell a person about an answer that is no success.
async function failureOf(response) {
  if (response.status === 401) askForKey();
  let detail = "";
  try { detail = (await response.json()).detail ?? ""; } catch { /* no problem document */ }
  if (response.status === 429 || response.status === 507) return new Error(`The node is full: ${detail}. Please try again later.`);
  return new Error(detail || `The node answered with status ${response.status}.`);
}

async function get(path) {
  const response = await fetch(path);
  if (!response.ok) throw await failureOf(response);
  return response.json();
}

// -- jobs ---------------------------------------------------------------------------------------------------------------

function show(job) {
  let entry = jobs.get(job.id);
  if (entry && entry.job.revision > job.revision) return;
  if (!entry) {
    entry = { view: new JobView({ cancel }) };
    jobs.set(job.id, entry);
    const older = [...jobs.values()].filter((other) => other.job && other.job.created_at <= job.created_at);
    const next = older.reduce((newest, other) => (newest && newest.job.created_at >= other.job.created_at ? newest : other), null);
    if (next) next.view.node.before(entry.view.node);
    else at("jobs").append(entry.view.node);
  }
  entry.job = job;
  entry.view.update(job);
  const newestFirst = [...jobs.entries()].sort(([, a], [, b]) => b.job.created_at.localeCompare(a.job.created_at));
  for (const [id, old] of newestFirst.slice(SHOWN)) {
    old.view.node.remove();
    jobs.delete(id);
  }
  count();
}

function count() {
  const all = [...jobs.values()].map((entry) => entry.job);
  const working = all.filter((job) => job.state === "running").length;
  const waiting = all.filter((job) => job.state === "queued").length;
  at("empty").hidden = all.length > 0;
  at("counts").textContent = [working && `${working} working`, waiting && `${waiting} waiting`].filter(Boolean).join(", ");
}

/// Fetches a job anew; events that come meanwhile lead to one more fetch, not to many.
async function refetch(id) {
  if (refetching.has(id)) { refetching.set(id, "again"); return; }
  refetching.set(id, "running");
  const job = await get(`/v1/jobs/${id}`).catch(() => null);  // the next event or reconnection tries again
  if (job) show(job);
  const again = refetching.get(id) === "again";
  refetching.delete(id);
  if (again) await refetch(id);
}

async function reload() {
  const page = await get(`/v1/jobs?limit=${SHOWN}`);
  await Promise.all(page.jobs.map((job) => {
    const known = jobs.get(job.id);
    return known && known.job.revision === job.revision ? null : refetch(job.id);
  }));
  count();
}

async function cancel(job) {
  const response = await fetch(`/v1/jobs/${job.id}/cancel`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ reason: "cancelled on the page" }),
  });
  if (!response.ok) throw await failureOf(response);
  show(await response.json());
}

// -- live -----------------------------------------------------------------------------------------------------------------

function status(kind, text) {
  at("dot").className = `dot ${kind}`;
  at("status-text").textContent = text;
}

const EVENTS = ["submitted", "attempt_started", "stage_done", "stage_reopened", "stage_skipped", "attempt_failed", "succeeded", "failed", "cancelled", "dead"];

let stream = null;
function listen(delay = 500) {
  stream?.close();
  const source = stream = new EventSource("/v1/events");
  source.onopen = () => {
    delay = 500;
    status("on", "live");
    start().catch(() => {});
  };
  for (const name of EVENTS) source.addEventListener(name, (event) => refetch(JSON.parse(event.data).job));
  source.addEventListener("resync", () => reload().catch(() => {}));
  source.addEventListener("progress", (event) => {
    const progress = JSON.parse(event.data);
    jobs.get(progress.job)?.view.progress(progress);
  });
  source.onerror = () => {
    if (at("sign-in").hidden) status("off", "no connection, trying again");
    if (source.readyState !== EventSource.CLOSED) return;  // it comes back by itself
    if (!at("sign-in").hidden) return;  // whoever signs in begins anew
    reload().catch(() => {});  // it may want the key by now
    setTimeout(() => listen(Math.min(delay * 2, 10000)), delay);
  };
}

// -- submitting -------------------------------------------------------------------------------------------------------------

/// XMLHttpRequest, because fetch does not tell how far an upload is.
function post(path, form, key, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("Idempotency-Key", key);
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onload = () => resolve(new Response(request.responseText, { status: request.status }));
    request.onerror = () => reject(new Error("The node could not be reached. Nothing was lost: press Start again."));
    request.send(form);
  });
}

let pending = null;  // the form of a submission whose fate is unknown, and its key: trying again must not make a second job

async function submit(pipeline, form, onProgress) {
  const print = JSON.stringify([pipeline.name, ...[...form.entries()].map(([name, value]) => [name, value.name ?? value, value.size ?? 0])]);
  if (pending?.print !== print) pending = { print, key: crypto.randomUUID() };
  const response = await post(`/v1/jobs?pipeline=${encodeURIComponent(pipeline.name)}`, form, pending.key, onProgress);
  pending = null;
  if (!response.ok) throw await failureOf(response);
  const job = await response.json();
  show(job);
  jobs.get(job.id).view.node.scrollIntoView({ behavior: "smooth", block: "nearest" });
}

function choose(pipeline, tabs) {
  for (const tab of tabs) tab.setAttribute("aria-selected", String(tab.dataset.name === pipeline.name));
  at("about").textContent = pipeline.description;
  makeForm(at("form"), pipeline, (form, onProgress) => submit(pipeline, form, onProgress));
}

let hasForm = false;
async function start() {
  await Promise.all([loadForm(), reload()]);
}

async function loadForm() {
  if (hasForm) return;
  const { pipelines } = await get("/v1/pipelines");
  pipelines.sort((a, b) => (b.name === "video-message") - (a.name === "video-message"));
  const tabs = pipelines.map((pipeline) => {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.role = "tab";
    tab.dataset.name = pipeline.name;
    tab.textContent = pipeline.name.replaceAll("-", " ");
    tab.onclick = () => choose(pipeline, tabs);
    return tab;
  });
  at("pipelines").replaceChildren(...tabs);
  at("pipelines").hidden = tabs.length < 2;
  if (pipelines.length) choose(pipelines[0], tabs);
  else at("about").textContent = "No pipeline is installed on this node.";
  hasForm = true;
}

start().catch((failure) => at("sign-in").hidden && status("off", failure.message));
listen();
setInterval(() => {
  for (const { view, job } of jobs.values()) if (job) view.refreshTime();
}, 10000);
