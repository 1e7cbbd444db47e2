// The curves of a simulation as a picture: hit mass over the delivered share of the cached pages, a line for each order.

const [width, height] = [720, 440]
const plot = { left: 60, top: 40, right: 590, bottom: 390 }

/** Told apart also by those who see few colours, in print and on dark ground. */
const colours = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#888888']
const dashes = ['', '6 3', '2 3', '8 3 2 3', '4 4', '1 4']

/** `curves`: by order, at equal steps from nothing delivered to everything. */
export function curvesSvg(title: string, curves: Readonly<Record<string, readonly number[]>>): string {
  const x = (share: number) => round(plot.left + share * (plot.right - plot.left))
  const y = (mass: number) => round(plot.bottom - mass * (plot.bottom - plot.top))
  const ticks = [0, 0.25, 0.5, 0.75, 1]
  const grid = ticks.flatMap((tick) => [
    `<line x1="${x(tick)}" y1="${plot.top}" x2="${x(tick)}" y2="${plot.bottom}" class="grid"/>`,
    `<line x1="${plot.left}" y1="${y(tick)}" x2="${plot.right}" y2="${y(tick)}" class="grid"/>`,
    `<text x="${x(tick)}" y="${plot.bottom + 18}" text-anchor="middle">${100 * tick} %</text>`,
    `<text x="${plot.left - 8}" y="${y(tick) + 4}" text-anchor="end">${100 * tick} %</text>`,
  ])
  const lines = Object.entries(curves).flatMap(([name, curve], index) => {
    const points = curve.map((mass, step) => `${x(step / (curve.length - 1))},${y(mass)}`).join(' ')
    const style = `stroke="${colours[index % colours.length]}" stroke-dasharray="${dashes[index % dashes.length]}"`
    const at = plot.top + 10 + index * 22
    return [
      `<polyline points="${points}" class="curve" ${style}/>`,
      `<line x1="${plot.right + 14}" y1="${at}" x2="${plot.right + 44}" y2="${at}" class="curve" ${style}/>`,
      `<text x="${plot.right + 50}" y="${at + 4}">${escaped(name)}</text>`,
    ]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">`,
    '<style>text{font:12px sans-serif;fill:#333}.grid{stroke:#ccc;stroke-width:.5}.curve{fill:none;stroke-width:2}</style>',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${plot.left}" y="24" style="font-size:14px">${escaped(title)}</text>`,
    ...grid,
    `<text x="${(plot.left + plot.right) / 2}" y="${height - 12}" text-anchor="middle">delivered share of the cached pages</text>`,
    `<text x="16" y="${(plot.top + plot.bottom) / 2}" text-anchor="middle" transform="rotate(-90 16 ${(plot.top + plot.bottom) / 2})">hit mass</text>`,
    ...lines,
    '</svg>',
    '',
  ].join('\n')
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

function escaped(text: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return text.replaceAll(/[&<>"]/g, (character) => names[character]!)
}
