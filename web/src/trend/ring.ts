// What some figures were in the last minutes: a value each for every two seconds, and nothing where none was known. Pure: time comes in.

/** So long a slot is, and so many there are: ten minutes. */
export const SLOT_MS = 2000;
export const SLOTS = 300;

export interface Series {
  /** when the first value was taken, in ms; the next ones follow each `SLOT_MS` */
  begin: number;
  /** null: not known then */
  values: (number | null)[];
}

/** It needs the same memory however long it goes on. */
export class Ring {
  private readonly values: Float64Array[];
  /** the numbers of the first and the newest slot since 1970; none yet: newest < first */
  private first = 0;
  private newest = -1;

  constructor(figures: number, private readonly slots = SLOTS, private readonly slotMs = SLOT_MS) {
    this.values = Array.from({ length: figures }, () => new Float64Array(slots).fill(NaN));
  }

  /** Takes the figures of a moment. Of several in one slot the last counts; slots that were passed over stay empty. */
  put(now: number, figures: readonly (number | null)[]): void {
    const slot = Math.floor(now / this.slotMs);
    if (this.newest < this.first || slot < this.newest) this.beginAt(slot);  // a clock that was set back makes all times doubtful
    const from = Math.max(this.newest + 1, slot - this.slots + 1);
    for (let passed = from; passed <= slot; passed += 1) for (const values of this.values) values[passed % this.slots] = NaN;
    this.newest = slot;
    this.first = Math.max(this.first, slot - this.slots + 1);
    figures.forEach((value, at) => { this.values[at]![slot % this.slots] = value ?? NaN; });
  }

  private beginAt(slot: number): void {
    this.first = slot;
    this.newest = slot - 1;
  }

  /** One of the figures, from the first moment that is still known to the newest. */
  series(figure: number): Series {
    const values: (number | null)[] = [];
    for (let slot = this.first; slot <= this.newest; slot += 1) {
      const value = this.values[figure]![slot % this.slots]!;
      values.push(Number.isNaN(value) ? null : value);
    }
    return { begin: this.first * this.slotMs, values };
  }
}
