/** Lines of one side that are replaced by lines of the other; the ends are not among them. */
export interface Edit {
  readonly beforeStart: number;
  readonly beforeEnd: number;
  readonly afterStart: number;
  readonly afterEnd: number;
}

/**
 * The fewest lines that must go and come to make `after` of `before`, by Myers' method with divided search, which needs linear memory.
 * null: it would take more than so many steps, because the two have too little in common.
 */
export function diffLines(before: readonly string[], after: readonly string[], mostSteps: number): readonly Edit[] | null {
  const [one, other] = numberLines(before, after);
  const kept = [keepShared(one, other), keepShared(other, one)] as const;
  const gone = new Uint8Array(before.length).fill(1);
  const fresh = new Uint8Array(after.length).fill(1);
  const search = new Search(kept[0].values, kept[1].values, mostSteps);
  const isFound = search.run((x, y) => {
    gone[kept[0].places[x] ?? 0] = 0;
    fresh[kept[1].places[y] ?? 0] = 0;
  });
  return isFound ? collect(gone, fresh) : null;
}

/** Equal lines get the same number. */
function numberLines(before: readonly string[], after: readonly string[]): readonly [Int32Array, Int32Array] {
  const numbers = new Map<string, number>();
  const number = (line: string): number => {
    const known = numbers.get(line);
    if (known !== undefined) return known;
    numbers.set(line, numbers.size);
    return numbers.size - 1;
  };
  return [Int32Array.from(before, number), Int32Array.from(after, number)];
}

/** What the other side lacks altogether cannot be kept, and would only lengthen the search. */
function keepShared(lines: Int32Array, others: Int32Array): { readonly values: Int32Array; readonly places: Int32Array } {
  const shared = new Set(others);
  const places = Int32Array.from(lines.keys()).filter((place) => shared.has(lines[place] ?? -1));
  return { values: places.map((place) => lines[place] ?? -1), places };
}

/** What is left between lines that are kept. The kept lines of both sides are the same, in the same order. */
function collect(gone: Uint8Array, fresh: Uint8Array): readonly Edit[] {
  const edits: Edit[] = [];
  for (let x = 0, y = 0; x < gone.length || y < fresh.length;) {
    const [beforeStart, afterStart] = [x, y];
    while (x < gone.length && gone[x] === 1) x += 1;
    while (y < fresh.length && fresh[y] === 1) y += 1;
    if (x > beforeStart || y > afterStart) edits.push({ beforeStart, beforeEnd: x, afterStart, afterEnd: y });
    else {
      x += 1;
      y += 1;
    }
  }
  return edits;
}

/** A part of both sides, without its ends. */
type Box = readonly [left: number, right: number, top: number, bottom: number];

class Search {
  readonly #one: Int32Array;
  readonly #other: Int32Array;
  /** How far each diagonal was followed, from the beginning and from the end. */
  readonly #forward: Int32Array;
  readonly #backward: Int32Array;
  readonly #zero: number;
  #stepsLeft: number;

  constructor(one: Int32Array, other: Int32Array, mostSteps: number) {
    this.#one = one;
    this.#other = other;
    this.#zero = one.length + other.length + 1;
    this.#forward = new Int32Array(2 * this.#zero + 1);
    this.#backward = new Int32Array(2 * this.#zero + 1);
    this.#stepsLeft = mostSteps;
  }

  /** Calls `keep` for each pair of lines that are kept. false: it takes too many steps. */
  run(keep: (x: number, y: number) => void): boolean {
    const boxes: Box[] = [[0, this.#one.length, 0, this.#other.length]];
    for (let box = boxes.pop(); box !== undefined; box = boxes.pop()) {
      let [left, right, top, bottom] = box;
      for (; left < right && top < bottom && this.#one[left] === this.#other[top]; left += 1, top += 1) keep(left, top);
      for (; left < right && top < bottom && this.#one[right - 1] === this.#other[bottom - 1]; right -= 1, bottom -= 1) {
        keep(right - 1, bottom - 1);
      }
      if (left === right || top === bottom) continue;
      const middle = this.#findMiddle([left, right, top, bottom]);
      if (middle === null) return false;
      const [x, y] = middle;
      boxes.push([left, x, top, y], [x, right, y, bottom]);
    }
    return true;
  }

  /** A point on a shortest way through the box, which is neither its beginning nor its end. null: it takes too many steps. */
  #findMiddle(box: Box): readonly [number, number] | null {
    const [left, right, top, bottom] = box;
    const [width, height] = [right - left, bottom - top];
    const delta = width - height;
    this.#forward[this.#zero + 1] = 0;
    this.#backward[this.#zero + 1] = 0;
    for (let cost = 0; ; cost += 1) {
      for (let k = -cost; k <= cost; k += 2) {
        const x = this.#follow(this.#forward, k, cost, box, false);
        const isCrossed = delta % 2 !== 0 && Math.abs(delta - k) < cost;
        if (isCrossed && x + (this.#backward[this.#zero + delta - k] ?? 0) >= width) return [left + x, top + x - k];
      }
      for (let k = -cost; k <= cost; k += 2) {
        const x = this.#follow(this.#backward, k, cost, box, true);
        const isCrossed = delta % 2 === 0 && Math.abs(delta - k) <= cost;
        if (isCrossed && x + (this.#forward[this.#zero + delta - k] ?? 0) >= width) return [right - x, bottom - (x - k)];
      }
      this.#stepsLeft -= 2 * (cost + 1);
      if (this.#stepsLeft < 0) return null;
    }
  }

  /** Goes on by one line on diagonal `k`, and as far as lines are equal. Backwards, both sides are seen from their ends. */
  #follow(reached: Int32Array, k: number, cost: number, [left, right, top, bottom]: Box, isBackward: boolean): number {
    const at = this.#zero + k;
    const [below, above] = [reached[at - 1] ?? 0, reached[at + 1] ?? 0];
    const start = k === -cost || (k !== cost && below < above) ? above : below + 1;
    const most = Math.min(right - left, bottom - top + k);
    let x = start;
    if (isBackward) while (x < most && x - k >= 0 && this.#one[right - 1 - x] === this.#other[bottom - 1 - x + k]) x += 1;
    else while (x < most && x - k >= 0 && this.#one[left + x] === this.#other[top + x - k]) x += 1;
    reached[at] = x;
    this.#stepsLeft -= x - start;
    return x;
  }
}
