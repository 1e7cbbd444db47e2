/** The places of `keys`, highest key first; of equal keys the one that stands first. Whole numbers below 2³², for millions of places. */
export function rankDescending(keys: Uint32Array): Uint32Array {
  const places = keys.length
  // Key and place in one 64-bit number: a typed array sorts itself without a call for every comparison.
  const words = new Uint32Array(places * 2)
  for (let place = 0; place < places; place++) {
    words[2 * place + low] = place
    words[2 * place + 1 - low] = ~keys[place]!
  }
  new BigUint64Array(words.buffer).sort()
  return Uint32Array.from({ length: places }, (_, rank) => words[2 * rank + low]!)
}

/** Numbers from 0 on as keys in the same order, told apart to 24 significant bits. */
export function rankKeys(numbers: Float64Array): Uint32Array {
  return new Uint32Array(Float32Array.from(numbers).buffer)
}

/** Where this machine has the low half of a 64-bit number. */
const low = new Uint32Array(new BigUint64Array([1n]).buffer)[0] === 1 ? 0 : 1
