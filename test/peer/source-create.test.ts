import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createSink, createSource } from '../../peer/source/create-source.ts'
import { sourcesSchema } from '../../src/plan/manifest.ts'
import { makeTemp } from '../helpers/temp.ts'

const test = suite('sources from the manifest')

test('an entry of the manifest becomes a source and a sink of its kind and name', async () => {
  await using temp = await makeTemp()
  const entries = sourcesSchema.parse([
    { name: 'shop', kind: 'app', url: `unix:${temp.at('app.sock')}` },
    { name: 'files', kind: 'directory', path: temp.path },
    { name: 'cache', kind: 'redis', url: 'redis://127.0.0.1' },
    { name: 'pages', kind: 'memcached', url: 'memcached://127.0.0.1' },
  ])
  for (const entry of entries) {
    await using source = createSource(entry)
    await using sink = createSink(entry, temp.path)
    assert.equal([source.name, source.kind, sink.name, sink.kind], [entry.name, entry.kind, entry.name, entry.kind])
  }
})

test.run()
