// A value that views show and others change.
import { useEffect, useState } from "preact/hooks";

export class Value<T> {
  private readonly listeners = new Set<(value: T) => void>();

  constructor(private current: T) {}

  get now(): T {
    return this.current;
  }

  set(next: T): void {
    if (next === this.current) return;
    this.current = next;
    for (const listener of this.listeners) listener(next);
  }

  /** Calls `listener` with each new value. @returns what ends that */
  on(listener: (value: T) => void): () => void {
    this.listeners.add(listener);
    return () => { this.listeners.delete(listener); };
  }
}

/** Draws the view anew with each new value. */
export function useValue<T>(value: Value<T>): T {
  const [state, setState] = useState(value.now);
  useEffect(() => {
    setState(value.now);  // it may have changed since the view was drawn
    return value.on(setState);
  }, [value]);
  return state;
}
