// Every action stands behind this: it says what will happen, and what the node refused.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

interface Props {
  title: string; verb: string; isDangerous?: boolean; act: () => Promise<unknown>; onClose: (done: boolean) => void; children: ComponentChildren;
}

export function Confirm({ title, verb, isDangerous = false, act, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [isActing, setActing] = useState(false);
  const [error, setError] = useState("");
  useEffect(() => { dialog.current?.showModal(); }, []);
  const doIt = async () => {
    setActing(true);
    setError("");
    try {
      await act();
      onClose(true);
    } catch (failure) {
      setError((failure as Error).message);
      setActing(false);
    }
  };
  return (
    <dialog ref={dialog} aria-labelledby="confirm-title" onCancel={(event) => { event.preventDefault(); onClose(false); }}>
      <h2 id="confirm-title">{title}</h2>
      <div class="confirm-body">{children}</div>
      {error && <p class="notice bad" role="alert">{error}</p>}
      <div class="actions">
        <button type="button" class={isDangerous ? "danger primary" : "primary"} disabled={isActing} onClick={doIt}>{verb}</button>
        <button type="button" onClick={() => onClose(false)}>Leave it</button>
      </div>
    </dialog>
  );
}
