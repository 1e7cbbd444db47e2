// Asks for several things at a time and tells the answers in the order of the questions.

export interface ReadAheadOptions<Item, Answer> {
  readonly items: readonly Item[]
  readonly ask: (item: Item) => Promise<Answer>
  /** No more is asked for while so many answers are owed, or are so many bytes together. */
  readonly askedMax: number
  readonly bytesMax: number
  readonly bytesOf: (item: Item) => number
}

/** Throws what `ask` throws, in its turn. */
export async function* readAhead<Item, Answer>(options: ReadAheadOptions<Item, Answer>): AsyncGenerator<{ item: Item; answer: Answer }> {
  const { items, ask, askedMax, bytesMax, bytesOf } = options
  const asked: { item: Item; answer: Promise<Answer> }[] = []
  let bytes = 0
  let next = 0
  for (;;) {
    while (next < items.length && asked.length < askedMax && (asked.length === 0 || bytes + bytesOf(items[next]!) <= bytesMax)) {
      const item = items[next++]!
      const answer = ask(item)
      // It is awaited in its turn; until then a failure mustn't count as unhandled.
      answer.catch(() => {})
      asked.push({ item, answer })
      bytes += bytesOf(item)
    }
    const first = asked.shift()
    if (first === undefined) return
    yield { item: first.item, answer: await first.answer }
    bytes -= bytesOf(first.item)
  }
}
