// How the metrics are registered: each is read at the scrape, from the state that has it.

import { Counter, Gauge, type Registry } from 'prom-client'

export interface Registrar {
  gauge(name: string, help: string, read: () => number): void
  /** Counted elsewhere since the start of the process. */
  counter(name: string, help: string, read: () => number): void
  /** One series for each entry. */
  table(
    kind: typeof Gauge | typeof Counter,
    name: string,
    help: string,
    label: string,
    read: () => Iterable<readonly [string, number]> | Promise<Iterable<readonly [string, number]>>,
  ): void
}

export function registrar(registry: Registry): Registrar {
  const registers = [registry]
  return {
    gauge(name, help, read) {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read())
        },
      })
    },
    counter(name, help, read) {
      new Counter({
        name,
        help,
        registers,
        collect() {
          this.reset()
          this.inc(read())
        },
      })
    },
    table(kind, name, help, label, read) {
      new kind({
        name,
        help,
        labelNames: [label],
        registers,
        async collect() {
          const entries = await read()
          this.reset()
          for (const [value, count] of entries) this.inc({ [label]: value }, count)
        },
      })
    },
  }
}
