/** A random number generator that can be repeated: mulberry32 with a seed. */
export class Chance {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** Returns a random number, at least 0 and less than 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  below(limit) {
    return Math.floor(this.next() * limit);
  }

  one(choices) {
    return choices[this.below(choices.length)];
  }

  /** Returns true with a probability of 1 in `times`. */
  oneIn(times) {
    return this.below(times) === 0;
  }

  /** Returns an array of 0 to `most` values that `make` returns. */
  some(most, make) {
    return Array.from({ length: this.below(most + 1) }, () => make());
  }
}
