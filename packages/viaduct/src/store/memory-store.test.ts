import { openMemoryStore } from './memory-store.ts'
import { testStore } from './store.suite.ts'

testStore('memory store', openMemoryStore)
