// The replay of similar epochs, alone: what the product's forecast has at its core, written down step by step and over all pages, so that the
// two can be compared. It is slow and shares no code with the product.

import type { SimulationOptions } from '../../peer/simulate/simulation.ts'

const epochsPerHorizon = 64
const contexts = [1, 2, 4, 8]
const reaches = [8, 16, 32, 64, 128]

/** By budget: the share of the best possible order's hits that it has by itself, as a simulation with these shares has it of an order. */
export function replayOfOracle(
  keys: Iterable<number>,
  { history, capacity, horizon, budgets }: Pick<SimulationOptions, 'history' | 'capacity' | 'horizon' | 'budgets'>,
): number[] {
  const numbers = new Map<number, number>()
  const pages = Uint32Array.from(keys, (key) => numbers.get(key) ?? (numbers.set(key, numbers.size), numbers.size - 1))
  const notice = Math.round(pages.length * history)
  const ahead = Math.round(pages.length * horizon)
  const scores = replayScores(pages.subarray(0, notice), numbers.size, ahead)
  const known = [...new Set(pages.slice(0, notice).reverse())]
  const cached = known.slice(0, Math.max(1, Math.round(known.length * capacity)))
  const reads = new Map(cached.map((page) => [page, 0]))
  for (const page of pages.subarray(notice, notice + ahead)) if (reads.has(page)) reads.set(page, reads.get(page)! + 1)
  const order = cached.toSorted((a, b) => scores[b]! - scores[a]!)
  const best = cached.toSorted((a, b) => reads.get(b)! - reads.get(a)!)
  const got = (of: readonly number[], budget: number) =>
    of.slice(0, Math.round(budget * of.length)).reduce((all, page) => all + reads.get(page)!, 0)
  return budgets.map((budget) => (got(best, budget) > 0 ? got(order, budget) / got(best, budget) : 1))
}

/** By page, from 0 on: the score from `history` alone, a higher one is expected to be read more often in the next `horizon` accesses. */
function replayScores(history: Uint32Array, pages: number, horizon: number): Float64Array {
  const width = horizon / epochsPerHorizon
  const epochs = Math.ceil(history.length / width - 1e-9)
  const used = accessesByEpoch(history, pages, epochs, width)
  const value = valueOfEpochs(likeness(used, epochs))
  const fades = [16, 64, 256].map((halfLife) => meanOne(value.map((_, epoch) => 2 ** ((epoch - epochs) / halfLife))))
  const floor = value.map((_, epoch) => fades.reduce((all, fade) => all + fade[epoch]!, 0))
  return Float64Array.from(used, (counts) => {
    let score = 0
    for (const [epoch, count] of counts) score += value[epoch]! * count + 0.05 * floor[epoch]!
    return score
  })
}

/** By page: its accesses in each epoch that it was used in; the last epoch ends with the history. */
function accessesByEpoch(history: Uint32Array, pages: number, epochs: number, width: number): Map<number, number>[] {
  const used = Array.from({ length: pages }, () => new Map<number, number>())
  const begin = history.length - epochs * width
  for (const [at, page] of history.entries()) {
    const epoch = Math.min(epochs - 1, Math.floor((at + 0.5 - begin) / width))
    used[page]!.set(epoch, (used[page]!.get(epoch) ?? 0) + 1)
  }
  return used
}

/** How much the context before each epoch is like the one before now, over all context lengths. */
function likeness(used: readonly Map<number, number>[], epochs: number): number[] {
  const shared = Array.from({ length: epochs }, () => new Float64Array(epochs))
  for (const counts of used) {
    for (const one of counts.keys()) {
      for (const other of counts.keys()) if (other === one || other >= epochs - 8) shared[one]![other]! += 1 / counts.size
    }
  }
  const curves = contexts.map((context) => {
    const curve = Array.from({ length: epochs }, (_, start) => {
      let [both, own, past] = [0, 0, 0]
      for (let back = 1; back <= context && back <= epochs; back++) own += shared[epochs - back]![epochs - back]!
      for (let back = 1; back <= Math.min(context, start); back++) {
        both += shared[start - back]![epochs - back]!
        past += shared[start - back]![start - back]!
      }
      return past > 0 ? both / Math.sqrt(past * own) : 0
    })
    const highest = Math.max(...curve)
    return curve.map((each) => (highest > 0 ? each / highest : 1))
  })
  return curves[0]!.map((_, epoch) => curves.reduce((product, curve) => product * curve[epoch]!, 1) ** (1 / contexts.length))
}

function valueOfEpochs(like: readonly number[]): number[] {
  const value = like.map((_, epoch) => {
    let sum = 0
    for (const reach of reaches) for (let start = Math.max(0, epoch - reach + 1); start <= epoch; start++) sum += like[start]! ** 2
    return sum
  })
  return meanOne(value)
}

function meanOne(curve: readonly number[]): number[] {
  const mean = curve.reduce((all, each) => all + each, 0) / curve.length
  return curve.map((each) => (mean > 0 ? each / mean : 1))
}
