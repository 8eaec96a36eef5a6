// Small parts that every view uses.
import type { ComponentChildren } from "preact";
import { Unreachable } from "../api/rest";
import { shortId, words } from "../format";
import { linkTo } from "../route";

export function Crumbs({ items }: { items: { text: string; href: string }[] }) {
  return (
    <nav aria-label="Where you are" class="crumbs">
      <ol>{items.map((item, at) => <li key={item.href}><a href={item.href} aria-current={at === items.length - 1 ? "page" : undefined}>{item.text}</a></li>)}</ol>
    </nav>
  );
}

/** How far something is. Without a label it is only a picture of a number beside it. */
export function Bar({ permille, label, tone = "" }: { permille: number; label?: string; tone?: string }) {
  const share = Math.max(0, Math.min(100, permille / 10));
  const fill = <i style={{ width: `${share}%` }} />;
  if (!label) return <span class={`bar ${tone}`} aria-hidden="true">{fill}</span>;
  return <span class={`bar ${tone}`} role="progressbar" aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(share)} aria-label={label}>{fill}</span>;
}

export function Facts({ rows }: { rows: [string, ComponentChildren][] }) {
  return <dl class="facts">{rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

export function JobLink({ id, whole = false }: { id: string; whole?: boolean }) {
  return <a class="mono" href={linkTo("jobs", [id])} title={id}><span class="sr-only">Job </span>{whole ? id : shortId(id)}</a>;
}

const STATES: Record<string, string> = { backing_off: "backing off" };
export function StatePill({ state }: { state: string }) {
  return <span class={`pill ${state}`}>{STATES[state] ?? state}</span>;
}

const CAUSES: Record<string, string> = {
  bad_input: "the input cannot be used", failed: "the work failed", crashed: "the program crashed", hung: "no progress for too long",
  timed_out: "it took too long", node_lost: "the node was lost", handed_back: "the node was shut down", cancelled: "it was cancelled",
  input_lost: "an input was lost and is made again", input_unreachable: "an input is on a node that does not answer",
};
export function causeText(cause: string): string {
  return CAUSES[cause] ?? words(cause).toLowerCase();
}

/** Why an attempt failed, for people: the kind of failure, and what was said of it. */
export function failureText(cause: string, detail: string | undefined): string {
  return detail ? `${causeText(cause)}: ${detail}` : causeText(cause);
}

export function Problem({ error }: { error: Error | null }) {
  return error && !(error instanceof Unreachable) ? <p class="notice bad" role="alert">{error.message}</p> : null;
}
