// Stands in the place of the view while the node wants the API key.
import { useEffect, useRef, useState } from "preact/hooks";
import { signIn, signOut } from "../api/rest";
import { isSignedIn } from "../live/access";

export function SignIn() {
  const [error, setError] = useState("");
  const [isAsking, setAsking] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    const key = String(new FormData(event.currentTarget as HTMLFormElement).get("key") ?? "").trim();
    if (!key) { setError("Enter the API key."); return; }
    setAsking(true);
    setError("");
    try {
      await signIn(key);
    } catch (failure) {
      setError((failure as Error).message);
      setAsking(false);
    }
  };
  return (
    <section class="card sign-in" aria-labelledby="sign-in-title">
      <h1 id="sign-in-title">Sign in</h1>
      <p>This node is asked from another machine and wants the API key of its cluster, which <code>troupe cluster init</code> printed.</p>
      <form class="fields" noValidate onSubmit={onSubmit}>
        <label class="field"><span class="field-name">API key</span>
          <input ref={field} name="key" type="password" autocomplete="current-password" spellcheck={false} /></label>
        {error && <p class="notice bad" role="alert">{error}</p>}
        <button class="primary" type="submit" disabled={isAsking}>Sign in</button>
        <p class="hint">You stay signed in for 12 hours in this browser.</p>
      </form>
    </section>
  );
}

export function SignOut() {
  const [error, setError] = useState("");
  if (!isSignedIn()) return null;
  return (
    <>
      {error && <span class="notice bad" role="alert">Still signed in. {error}</span>}
      <button type="button" onClick={() => signOut().catch((failure: Error) => setError(failure.message))}>Sign out</button>
    </>
  );
}
