// Whether the node wants the API key first. A page cannot show the key with all that a browser asks for: it shows it once, and the node gives the
// browser a cookie that no script can read.
export type Access = "open" | "closed";

const KEPT = "troupe.signed-in";
let access: Access = "open";
const listeners = new Set<(access: Access) => void>();

export function accessNow(): Access {
  return access;
}

export function onAccess(listener: (access: Access) => void): () => void {
  listeners.add(listener);
  return () => { listeners.delete(listener); };
}

/** What the node has answered: with 401, or as it should. */
export function setAccess(next: Access): void {
  if (next === access) return;
  access = next;
  for (const listener of listeners) listener(access);
}

addEventListener("storage", (event) => { if (event.key === KEPT && event.newValue) setAccess("open"); });  // another tab has signed in

/** Whether this browser was signed in here, so that it can be signed out. */
export function isSignedIn(): boolean {
  try {
    return localStorage.getItem(KEPT) !== null;
  } catch {
    return false;
  }
}

export function rememberSignIn(is: boolean): void {
  try {
    if (is) localStorage.setItem(KEPT, String(Date.now()));
    else localStorage.removeItem(KEPT);
  } catch { /* a browser that keeps nothing */ }
}
