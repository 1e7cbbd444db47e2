// Texts as bytes in pages: a string of its own for each of ten million ids is what a garbage collector spends its time on. Whoever puts one in keeps
// its place.

const pageBytes = 4 * 1024 * 1024
const firstPageBytes = 4 * 1024

/** Before each text: its length, and whether it takes two bytes a character. */
const headBytes = 3

/** Node's and Deno's buffers have this beside `toString`, which takes three times as long for a short text; the types don't know it. */
interface Page extends Buffer {
  latin1Slice(start: number, end: number): string
}

export class TextColumn {
  readonly #pages: Page[] = []
  #at = 0

  /** A text of at most 65,535 characters. Its place is the page's number times the size of a full page, and where it is in the page: below 2⁵⁰. */
  push(text: string): number {
    const { length } = text
    let page = this.#pages.at(-1)
    // As if it were wide: then there is room in any case.
    if (page === undefined || this.#at + headBytes + 2 * length > page.byteLength) page = this.#addPage(headBytes + 2 * length)
    const place = (this.#pages.length - 1) * pageBytes + this.#at
    const start = this.#at + headBytes
    page[this.#at] = length & 0xff
    page[this.#at + 1] = length >>> 8
    page[this.#at + 2] = 0
    let high = 0
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index)
      high |= code
      page[start + index] = code
    }
    this.#at = start + length
    if (high > 0xff) this.#widen(page, start, text)
    return place
  }

  get(place: number): string {
    const number = Math.floor(place / pageBytes)
    const page = this.#pages[number]!
    const at = place - number * pageBytes
    const length = page[at]! | (page[at + 1]! << 8)
    const start = at + headBytes
    return page[at + 2] === 1 ? page.toString('utf16le', start, start + 2 * length) : page.latin1Slice(start, start + length)
  }

  /** Reads a little of a text, so that it is near when it is asked for. */
  touch(place: number): number {
    const number = Math.floor(place / pageBytes)
    return this.#pages[number]![place - number * pageBytes]!
  }

  #widen(page: Page, start: number, text: string): void {
    page[start - 1] = 1
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      page[start + 2 * index] = code & 0xff
      page[start + 2 * index + 1] = code >>> 8
    }
    this.#at = start + 2 * text.length
  }

  /** Small columns have small pages. */
  #addPage(atLeast: number): Page {
    const usual = Math.min(pageBytes, firstPageBytes * 2 ** Math.min(20, this.#pages.length))
    const page = Buffer.allocUnsafeSlow(Math.max(usual, atLeast)) as Page
    this.#pages.push(page)
    this.#at = 0
    return page
  }
}
