// `node fetch.ts URL`: prints what is there; ends with 1 where the answer is none of 2xx, or none comes within two seconds.

const answer = await fetch(process.argv[2] ?? '', { signal: AbortSignal.timeout(2000) })
console.log((await answer.text()).trim())
process.exitCode = answer.ok ? 0 : 1
