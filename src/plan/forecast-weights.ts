// What a use in a past epoch is worth for the coming reads: curves over the epochs, all of mean 1, so that they can be added up.

/** Weights for an item's accesses in an epoch, and for having been used in it at all. */
export interface EpochWeights {
  readonly accesses: Float64Array
  readonly uses: Float64Array
  /** An item that was used in a single epoch has shown no pattern: it leans half on its plain count. */
  readonly leans?: boolean
}

export function meanOne(curve: Float64Array): Float64Array {
  const sum = curve.reduce((all, value) => all + value, 0)
  return sum > 0 ? curve.map((value) => (value * curve.length) / sum) : curve.fill(1)
}

/** Fades by half in every `halfLife` epochs before `cut`. */
export function fading(cut: number, halfLife: number): Float64Array {
  return meanOne(Float64Array.from({ length: cut }, (_, epoch) => 2 ** ((epoch - cut) / halfLife)))
}

/** Fades slowly on every scale: for what was used once a while ago but might well be used again. */
export function floor(cut: number): Float64Array {
  return sum([fading(cut, 16), fading(cut, 64), fading(cut, 256)])
}

/**
 * What followed similar moments: each epoch gets the likeness of all moments that it followed within one of `reaches` epochs.
 * `likeness[s]` belongs to the moment before epoch s.
 */
export function following(likeness: Float64Array, reaches: readonly number[]): Float64Array {
  const before = new Float64Array(likeness.length + 1)
  for (let epoch = 0; epoch < likeness.length; epoch++) before[epoch + 1] = before[epoch]! + likeness[epoch]!
  return meanOne(
    likeness.map((_, epoch) => reaches.reduce((all, reach) => all + before[epoch + 1]! - before[Math.max(0, epoch + 1 - reach)]!, 0)),
  )
}

export function scaled(curve: Float64Array, factor: number): Float64Array {
  return curve.map((value) => value * factor)
}

function sum(curves: readonly Float64Array[]): Float64Array {
  return curves[0]!.map((_, epoch) => curves.reduce((all, curve) => all + curve[epoch]!, 0))
}
