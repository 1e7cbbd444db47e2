// An application with a cache of lru-cache: a few lines make it warm on the next VM. The shop answers /product/ID, slowly when it must look it up;
// Heirloom's agent talks to it below /warm/v1/ on the same port, with a token, since a port is open to every user of the machine.
//
//   node scripts/examples/shop-app.ts --port 8080 --token-file warm.token
//
// and in the agent's configuration:
//
//   sources: [{ name: products, kind: app, url: http://127.0.0.1:8080, token_file: warm.token }]

import { lruCacheSource, serveAppSource, serveHttp } from 'heirloom'
import { Hono } from 'hono'
import { LRUCache } from 'lru-cache'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { port: { type: 'string', default: '8080' }, 'token-file': { type: 'string' } } })
const token = values['token-file'] === undefined ? undefined : (await readFile(values['token-file'], 'utf8')).trim()

const cache = new LRUCache<string, string>({ max: 100_000, ttl: 60 * 60 * 1000 })
const warm = serveAppSource(lruCacheSource({ cache, name: 'products' }), token === undefined ? {} : { token })

const app = new Hono()
app.all('/warm/v1/*', (context) => warm(context.req.raw))
app.get('/product/:id', (context) => {
  const id = context.req.param('id')
  const known = cache.get(id)
  const text = known ?? lookUp(id)
  cache.set(id, text)
  return context.text(text, 200, { 'x-cache': known === undefined ? 'MISS' : 'HIT' })
})

function lookUp(id: string): string {
  return `the product ${id}, from a database that is far away`
}

await using server = await serveHttp((request) => Promise.resolve(app.fetch(request)), `127.0.0.1:${values.port}`)
console.log(JSON.stringify({ event: 'listening', url: server.url }))
await once(process, 'SIGTERM')
