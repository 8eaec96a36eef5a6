// The hold of the picture: what was seen then stays, while the page goes on hearing what is. Pure: time comes in.
import type { Marks } from "./marks";
import { Value } from "./value";

export interface Held { since: number; marks: Marks }

export class Hold {
  readonly state = new Value<Held | null>(null);
  private readonly kept = new Map<string, unknown>();

  /** Holds what is seen now, or lets go. */
  turn(marks: Marks, now: number): void {
    if (this.state.now) this.release();
    else this.state.set({ since: now, marks: marks.copy() });
  }

  release(): void {
    this.state.set(null);
    this.kept.clear();
  }

  /** What is to be shown of a value: itself, or while it is held what it was. What had not been seen then is held from when it comes. */
  keep<T>(name: string, live: T | null): T | null {
    if (this.state.now && this.kept.has(name)) return this.kept.get(name) as T;
    if (live !== null) this.kept.set(name, live);
    return live;
  }

  /** A value is not shown any more: should it come back while it is held, it is not to be of long ago. */
  forget(name: string): void {
    if (!this.state.now) this.kept.delete(name);
  }

  /** The time for what is shown. */
  clock(now: number): number {
    return this.state.now?.since ?? now;
  }
}

export const hold = new Hold();
