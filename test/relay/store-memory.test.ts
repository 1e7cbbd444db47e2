// The stores in memory keep the contract of those on disk.

import { createMemoryPackStore } from '../../relay/store/memory-pack-store.ts'
import { createMemoryRecordStore } from '../../relay/store/memory-record-store.ts'
import { testPackStore } from '../contract/pack-store.ts'
import { testRecordStore } from '../contract/record-store.ts'

testPackStore('memory', async () => createMemoryPackStore())
testRecordStore('memory', async () => createMemoryRecordStore())
