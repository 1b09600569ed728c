// Objects against Kubernetes' own description of its API (OpenAPI 2), as strict as a server that rejects unknown fields.

import type { Part } from './helm.ts'

export interface Definitions {
  readonly [name: string]: Part
}

/** `group/version/Kind` → the definition's name. */
export function indexKinds(definitions: Definitions): Map<string, string> {
  const index = new Map<string, string>()
  for (const [name, definition] of Object.entries(definitions)) {
    for (const { group, version, kind } of definition['x-kubernetes-group-version-kind'] ?? []) index.set(keyOf(group, version, kind), name)
  }
  return index
}

const keyOf = (group: string, version: string, kind: string) => `${group === '' ? '' : `${group}/`}${version}/${kind}`

/** What the description has against the object, with paths; undefined where it does not know the kind. */
export function problemsOf(object: Part, definitions: Definitions, kinds: ReadonlyMap<string, string>): string[] | undefined {
  const name = kinds.get(`${object.apiVersion}/${object.kind}`)
  if (name === undefined) return undefined
  const problems: string[] = []
  check(object, definitions[name], `${object.kind} ${object.metadata?.name}`, definitions, problems)
  return problems
}

function check(value: Part, schema: Part, path: string, definitions: Definitions, problems: string[]): void {
  const claim = (ok: boolean, what: string) => {
    if (!ok) problems.push(`${path}: expected ${what}, got ${JSON.stringify(value)}`)
    return ok
  }
  const reference: string | undefined = schema.$ref?.replace('#/definitions/', '')
  if (reference?.endsWith('.Quantity')) claim(['string', 'number'].includes(typeof value), 'a quantity')
  else if (reference !== undefined) check(value, definitions[reference], path, definitions, problems)
  else if (schema.format === 'int-or-string') claim(['string', 'number'].includes(typeof value), 'a number or string')
  else if (schema.type === 'array') {
    if (!claim(Array.isArray(value), 'a list')) return
    for (const [i, item] of value.entries()) check(item, schema.items, `${path}[${i}]`, definitions, problems)
  } else if (schema.type === 'object' || schema.properties) {
    if (!claim(typeof value === 'object' && value !== null && !Array.isArray(value), 'an object')) return
    for (const key of schema.required ?? []) if (value[key] === undefined) problems.push(`${path}.${key}: is missing`)
    for (const [key, inner] of Object.entries(value)) {
      const known = schema.properties?.[key] ?? schema.additionalProperties
      if (known) check(inner, known, `${path}.${key}`, definitions, problems)
      else if (schema.properties) problems.push(`${path}.${key}: no such field`)
    }
  } else if (schema.type === 'integer') claim(Number.isInteger(value), 'an integer')
  else if (schema.type && claim(typeof value === schema.type, `a ${schema.type}`) && schema.enum)
    claim(schema.enum.includes(value), `one of ${schema.enum.join(', ')}`)
}
