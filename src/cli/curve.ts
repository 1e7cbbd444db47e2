// A curve in a few lines of text, for a terminal.

export interface CurveOptions {
  /** In characters, without the scale at the left. */
  readonly width: number
  readonly height: number
  /** At the upper end of the scale, at its lower end, and below the right end. */
  readonly labels: { readonly top: string; readonly bottom: string; readonly end: string }
}

/** Eighths of a character's height. */
const eighths = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']

/** Draws points with x ascending and y from 0 to 1, as columns; x runs from 0 to the last point's. */
export function drawCurve(points: readonly (readonly [x: number, y: number])[], { width, height, labels }: CurveOptions): string {
  const end = points.at(-1)?.[0] ?? 0
  const columns = Array.from({ length: width }, (_, column) => heightAt(points, ((column + 1) / width) * end))
  const scale = Math.max(labels.top.length, labels.bottom.length)
  const lines = Array.from({ length: height }, (_, line) => {
    const below = height - 1 - line
    const bars = columns.map((y) => eighths[Math.round(8 * Math.min(1, Math.max(0, y * height - below)))]!).join('')
    const label = line === 0 ? labels.top : line === height - 1 ? labels.bottom : ''
    return `${label.padStart(scale)} │${bars}`.trimEnd()
  })
  const foot = `${' '.repeat(scale)} └${'─'.repeat(width)}`
  return [...lines, foot, `${' '.repeat(scale)}  0${labels.end.padStart(width - 1)}`].join('\n')
}

/** Between two points on the straight line that joins them. */
function heightAt(points: readonly (readonly [number, number])[], x: number): number {
  let [beforeX, beforeY] = [0, 0]
  for (const [atX, atY] of points) {
    if (atX >= x) return atX === beforeX ? atY : beforeY + ((atY - beforeY) * (x - beforeX)) / (atX - beforeX)
    ;[beforeX, beforeY] = [atX, atY]
  }
  return beforeY
}
