// Whether the node wants the API key first. A page cannot show the key with all that a browser asks for: it shows it once, and the node gives the
// browser a cookie that no script can read.
import { Value } from "./value";

const KEPT = "troupe.signed-in";

/** What the node has answered: with 401, or as it should. */
export const access = new Value<"open" | "closed">("open");

addEventListener("storage", (event) => { if (event.key === KEPT && event.newValue) access.set("open"); });  // another tab has signed in

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
