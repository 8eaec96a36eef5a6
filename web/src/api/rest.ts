// Requests to the node that served the page. There is no other host: the page's policy forbids it.
import { access, rememberSignIn } from "../live/access";
import { report } from "../live/connection";
import { Value } from "../live/value";

/** What the node refused, with its reason for people. */
export class Refusal extends Error {
  constructor(readonly status: number, readonly code: string, detail: string) {
    super(detail);
  }
}

/** No answer at all; the frame of the page says so already. */
export class Unreachable extends Error {}

async function refusalOf(response: Response): Promise<Refusal> {
  let code = "";
  let detail = "";
  try {
    ({ code, detail } = await response.json());
  } catch { /* no problem document */ }
  if (response.status === 401) detail = "This node wants the API key: sign in.";
  if (response.status === 429 || response.status === 507) detail = `The node is full: ${detail}. Try again later.`;
  return new Refusal(response.status, code, detail || `The node answered with status ${response.status}.`);
}

async function call(path: string, options: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { ...options, signal: options.signal ?? AbortSignal.timeout(20_000) });
  } catch (failure) {
    if (options.signal?.aborted) throw failure;
    report("lost");
    throw new Unreachable("The node cannot be reached.");
  }
  report("answered");
  if (response.status === 401) access.set("closed");
  if (!response.ok) throw await refusalOf(response);
  return response;
}

/** Shows the API key once; the node's cookie stands for it then. */
export async function signIn(key: string): Promise<void> {
  if (!/^[\x21-\x7e]+$/.test(key)) throw new Refusal(401, "unauthorized", "This is no API key: it has letters, digits and _ alone.");
  const response = await fetch("/v1/sign-in", { method: "POST", headers: { Authorization: `Bearer ${key}` }, signal: AbortSignal.timeout(20_000) })
    .catch(() => { throw new Unreachable("The node cannot be reached."); });
  if (response.status === 401) throw new Refusal(401, "unauthorized", "This is not the API key of this cluster.");
  if (!response.ok) throw await refusalOf(response);
  rememberSignIn(true);
  access.set("open");
}

export async function signOut(): Promise<void> {
  await call("/v1/sign-in", { method: "DELETE" });
  rememberSignIn(false);
  access.set("closed");
}

/** The newest answer to a `get`, for those who need what others ask for. */
export const answers = new Value<{ path: string; data: unknown } | null>(null);

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const data: T = await (await call(path, signal ? { signal } : {})).json();
  answers.set({ path, data });
  return data;
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  const response = await call(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  return response.json();
}

export async function remove(path: string): Promise<void> {
  await call(path, { method: "DELETE" });
}

/** The media type of an artifact, asked once for each. */
const types = new Map<string, Promise<{ type: string; size: number }>>();
export function artifactHead(hash: string): Promise<{ type: string; size: number }> {
  let known = types.get(hash);
  if (!known) {
    known = call(`/v1/artifacts/${hash}`, { method: "HEAD" }).then((response) => ({
      type: response.headers.get("Content-Type") ?? "", size: Number(response.headers.get("Content-Length") ?? 0) }));
    known.catch(() => types.delete(hash));
    types.set(hash, known);
  }
  return known;
}
