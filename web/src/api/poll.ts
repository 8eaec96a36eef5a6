// Polling while a view is seen, and events while they come.
import { useEffect, useRef, useState } from "preact/hooks";
import { access } from "../live/access";
import { doubt, report } from "../live/connection";
import { get, Refusal } from "./rest";

export interface Polled<T> { data: T | null; error: Error | null; refresh: () => void }

/** Asks again each `every` ms (0: once), not while the tab is hidden or the node wants the API key, never twice at once. What the node refuses for good is not asked again. */
export function usePoll<T>(path: string | null, every = 1000): Polled<T> {
  const [state, setState] = useState<{ path: string | null; data: T | null; error: Error | null }>({ path, data: null, error: null });
  const now = useRef<() => void>(() => {});
  useEffect(() => {
    if (path === null) return;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isAsking = false;
    const turn = async () => {
      if (isAsking || document.hidden || access.now === "closed") return;
      isAsking = true;
      let isFinal = every === 0;
      clearTimeout(timer);
      try {
        const data = await get<T>(path, stop.signal);
        setState({ path, data, error: null });
      } catch (error) {
        if (stop.signal.aborted) return;
        isFinal ||= error instanceof Refusal && error.status >= 400 && error.status < 408;
        setState((before) => ({ path, data: before.path === path ? before.data : null, error: error as Error }));
      }
      isAsking = false;
      if (!isFinal && !stop.signal.aborted) timer = setTimeout(turn, every);
    };
    now.current = turn;
    const quit = access.on((how) => {
      if (how !== "open") return;
      setState((before) => ({ ...before, error: null }));
      void turn();
    });
    document.addEventListener("visibilitychange", turn);
    void turn();
    return () => {
      stop.abort();
      quit();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", turn);
    };
  }, [path, every]);
  const isOld = state.path !== path;
  return { data: isOld ? null : state.data, error: isOld ? null : state.error, refresh: () => now.current() };
}

/** Server-sent events of `path` while the view stands. The browser itself goes on behind the last id. */
export function useEvents(path: string | null, names: readonly string[], onEvent: (name: string, data: unknown) => void): void {
  const handler = useRef(onEvent);
  handler.current = onEvent;
  useEffect(() => {
    if (path === null) return;
    let source: EventSource;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const listen = () => {
      source = new EventSource(path);
      for (const name of names) source.addEventListener(name, (event) => handler.current(name, JSON.parse((event as MessageEvent).data || "null")));
      source.onerror = () => {
        if (source.readyState !== EventSource.CLOSED) doubt();
        else timer = setTimeout(() => handler.current("closed", null), 0);
      };
      source.onopen = () => report("answered");
    };
    listen();
    const quit = access.on((how) => {
      if (how !== "open" || source.readyState !== EventSource.CLOSED) return;
      clearTimeout(timer);
      listen();
    });
    return () => {
      quit();
      clearTimeout(timer);
      source.close();
    };
  }, [path]);
}

/** The time, each second, for what says how long ago something was. */
export function useNow(every = 1000): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => { if (!document.hidden) setNow(Date.now()); }, every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}
