// The status page: one file without anything from elsewhere. It reads /v1/status again at every event, at most once a second.

export const statusPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Heirloom relay</title>
<style>
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
  body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
  table { border-collapse: collapse; width: 100%; }
  th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
  td { font-variant-numeric: tabular-nums; }
  code { font-size: .9em; }
  dl { display: flex; gap: 2.5rem; flex-wrap: wrap; }
  dt { opacity: .7; } dd { margin: 0; font-size: 1.6rem; }
</style>
<h1>Heirloom relay</h1>
<p id="state">…</p>
<dl>
  <div><dt>peers</dt><dd id="peers">–</dd></div>
  <div><dt>waiting successors</dt><dd id="waiting">–</dd></div>
  <div><dt>handoffs</dt><dd id="handoffs">–</dd></div>
  <div><dt>stored</dt><dd id="stored">–</dd></div>
  <div><dt>served</dt><dd id="served">–</dd></div>
</dl>
<table>
  <thead><tr><th>handoff</th><th>state</th><th>packs</th><th>bytes</th><th>epoch</th><th>expires</th></tr></thead>
  <tbody id="rows"></tbody>
</table>
<script>
  const size = (bytes) => {
    const units = ['B', 'kB', 'MB', 'GB', 'TB']
    let unit = 0
    while (bytes >= 1000 && unit < units.length - 1) { bytes /= 1000; unit++ }
    return bytes.toFixed(unit === 0 ? 0 : 1) + ' ' + units[unit]
  }
  const text = (id, value) => { document.getElementById(id).textContent = value }
  const cell = (row, value) => { row.insertCell().textContent = value }
  async function refresh() {
    const status = await (await fetch('/v1/status')).json()
    text('state', (status.draining ? 'draining · ' : 'serving · ') + status.peerId)
    text('peers', status.peers)
    text('waiting', status.waiting)
    text('handoffs', status.stored.handoffs)
    text('stored', size(status.stored.bytes))
    text('served', size(status.served.bytes))
    const rows = document.getElementById('rows')
    rows.replaceChildren()
    for (const handoff of status.handoffs) {
      const row = rows.insertRow()
      cell(row, handoff.handoff.slice(0, 12))
      cell(row, handoff.finished ? 'finished' : handoff.heir ? 'claimed' : handoff.packsInAll === null ? 'offered' : 'parked')
      cell(row, handoff.packs + (handoff.packsInAll === null ? '' : ' / ' + handoff.packsInAll))
      cell(row, size(handoff.bytes))
      cell(row, handoff.epoch)
      cell(row, new Date(handoff.expiresAtMs).toLocaleString())
    }
  }
  let due = false
  const soon = () => {
    if (due) return
    due = true
    setTimeout(() => { due = false; refresh().catch(() => text('state', 'the relay does not answer')) }, 1000)
  }
  const events = new EventSource('/v1/events')
  for (const name of ['enrolled', 'left', 'assigned', 'heir-changed', 'fenced', 'put-opened', 'put-closed', 'get-opened', 'get-closed', 'dropped']) events.addEventListener(name, soon)
  events.onerror = soon
  setInterval(soon, 5000)
  refresh()
</script>
</html>
`
