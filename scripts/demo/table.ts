// A table of text for a person: the first column to the left, the others under their heads, long cells over several lines.

/** Rows of as many cells as there are heads. A cell is wrapped at commas when it is wider than `columnsMax`. */
export function renderTable(heads: readonly string[], rows: readonly (readonly string[])[], columnsMax = 40): string {
  const cells = [heads, ...rows].map((row) => row.map((cell) => wrap(cell, columnsMax)))
  const widths = heads.map((_, column) => Math.max(...cells.flatMap((row) => row[column]!.map((line) => line.length))))
  const rule = widths.map((width) => '─'.repeat(width)).join('──')
  const lines = cells.flatMap((row, index) => {
    const height = Math.max(...row.map((cell) => cell.length))
    const text = Array.from({ length: height }, (_, line) =>
      row
        .map((cell, column) => (cell[line] ?? '').padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    return index === 0 ? [...text, rule] : text
  })
  return lines.map((line) => `  ${line}`).join('\n')
}

function wrap(cell: string, columnsMax: number): string[] {
  const lines: string[] = ['']
  for (const part of cell.split(/(?<=, )/)) {
    const last = lines.at(-1)!
    if (last !== '' && (last + part).trimEnd().length > columnsMax) lines.push(part)
    else lines[lines.length - 1] = last + part
  }
  return lines.map((line) => line.trimEnd())
}
