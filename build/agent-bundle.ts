// Bundles src/agent, or what another ENTRY names, into one file: `node build/agent-bundle.ts OUT VERSION [ENTRY]`. A bundle starts in a tenth of the time and takes half the memory.

import { rename } from 'node:fs/promises'
import { build, type Plugin } from 'esbuild'

const [out = '', version = '', entry = 'src/agent/main.ts'] = process.argv.slice(2)

/**
 * Of client-node the agent uses KubeConfig: where the server is and how to log in. Its generated API classes and their HTTP client (undici) would be two
 * thirds of the bundle and 10 MB of memory, and are reached only through makeApiClient and createDispatcher, which the agent does not call.
 */
const leaveOut: Plugin = {
  name: 'leave-out',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^undici$/ }, () => ({ path: 'undici', namespace: 'left-out' }))
    onResolve({ filter: /^\.\/gen\/index\.js$/ }, () => ({ path: 'gen', namespace: 'left-out' }))
    onLoad({ filter: /^/, namespace: 'left-out' }, ({ path }) => ({ contents: stubs[path] ?? '' }))
  },
}
const stub = (name: string) =>
  `export class ${name} { constructor() { throw new Error('${name} is not in the bundle: see build/agent-bundle.ts') } }`
const stubs: Readonly<Record<string, string>> = {
  undici: `${stub('Agent')}\n${stub('ProxyAgent')}`,
  gen: `export const createConfiguration = undefined\n${stub('ServerConfiguration')}`,
}

await build({
  entryPoints: [entry],
  outfile: `${out}.new`,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  minify: true,
  legalComments: 'none',
  // The native program's host: what the shared rooms import of it is never called here.
  define: { PODWIRE_VERSION: JSON.stringify(version), __sys: 'undefined' },
  // CommonJS libraries ask for Node's modules by require.
  banner: { js: "import{createRequire as podwireRequire}from'node:module';const require=podwireRequire(import.meta.url);" },
  plugins: [leaveOut],
  logLevel: 'warning',
})
await rename(`${out}.new`, out)
