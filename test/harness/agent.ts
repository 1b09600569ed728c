// The door for tests: agents that end with their test file.

import { afterAll } from 'vitest'
import { cleanUpAgents } from './agent-process.ts'

export * from './agent-process.ts'

afterAll(cleanUpAgents)
