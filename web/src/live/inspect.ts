// The one WebSocket to /v1/inspect. It is open only while a view wants it and the page is seen: nobody looking costs the node nothing.
import { useEffect, useReducer, useRef } from "preact/hooks";
import { access } from "./access";
import { backOff, doubt, report } from "./connection";
import { Marks, type Message } from "./marks";

export interface Wish { open: readonly string[]; hz: number; most: number }

export const marks = new Marks();
const wishes = new Map<object, Wish>();
const listeners = new Set<() => void>();
let socket: WebSocket | null = null;
let failures = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let isHeard = false;

/** Several views may wish at once: the node is asked for all of it, at the fastest of their rates. */
function together(): Wish | null {
  if (wishes.size === 0 || document.hidden || access.now === "closed") return null;
  const all = [...wishes.values()];
  return {
    open: [...new Set(all.flatMap((wish) => wish.open))].sort(),
    hz: Math.max(...all.map((wish) => wish.hz)), most: Math.max(...all.map((wish) => wish.most)),
  };
}

function tell(): void {
  for (const listener of listeners) listener();
}

let sent = "";
function ask(): void {
  const wish = together();
  if (!wish) return close();
  if (!socket) return open();
  const text = JSON.stringify(wish);
  if (socket.readyState !== WebSocket.OPEN || text === sent) return;
  sent = text;
  socket.send(text);
}

function close(): void {
  clearTimeout(timer);
  timer = undefined;
  if (socket) {
    socket.onclose = socket.onmessage = null;
    socket.close();
  }
  socket = null;
  sent = "";
  isHeard = false;
}

function open(): void {
  clearTimeout(timer);
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  socket = new WebSocket(`${scheme}://${location.host}/v1/inspect`);
  socket.onopen = () => ask();
  socket.onmessage = (event) => {
    failures = 0;
    if (!isHeard) report("answered");
    isHeard = true;
    marks.apply(JSON.parse(event.data) as Message);
    tell();
  };
  socket.onclose = () => {
    close();
    failures += 1;
    doubt();
    tell();
    timer = setTimeout(ask, backOff(failures));
  };
}

document.addEventListener("visibilitychange", ask);
access.on(() => { failures = 0; ask(); });

/** Whether marks arrive now. */
export function isLive(): boolean {
  return isHeard;
}

/** Wants marks while the view stands; draws it anew with each message, or calls `onMessage` instead. */
export function useInspect(wish: Wish, onMessage?: () => void): Marks {
  const [, redraw] = useReducer((turn: number) => turn + 1, 0);
  const handler = useRef(onMessage);
  handler.current = onMessage;
  const key = useRef({});
  const text = JSON.stringify(wish);
  useEffect(() => {
    wishes.set(key.current, JSON.parse(text));
    ask();
  }, [text]);
  useEffect(() => {
    const listener = () => (handler.current ? handler.current() : redraw(0));
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      wishes.delete(key.current);
      ask();
    };
  }, []);
  return marks;
}
