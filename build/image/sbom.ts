// The image's bill of materials (SPDX 2.3, JSON): what it has inside, each with version, license where known, and package URL.

import { createHash } from 'node:crypto'

export interface Component {
  readonly name: string
  readonly version: string
  readonly purl: string
  readonly license?: string | undefined
  /** Lower-case hexadecimal. */
  readonly sha256?: string | undefined
}

/** `time` in seconds since 1970. The document's namespace follows from what is in it. */
export function sbom(product: Component, parts: readonly Component[], time: number): string {
  const sorted = [...parts].sort((a, b) => (a.purl < b.purl ? -1 : 1))
  const digest = createHash('sha256')
    .update(JSON.stringify([product, sorted]))
    .digest('hex')
  const all = [product, ...sorted]
  return `${JSON.stringify(
    {
      spdxVersion: 'SPDX-2.3',
      dataLicense: 'CC0-1.0',
      SPDXID: 'SPDXRef-DOCUMENT',
      name: `${product.name}-${product.version}`,
      documentNamespace: `urn:sha256:${digest}`,
      creationInfo: { created: new Date(time * 1000).toISOString().replace('.000', ''), creators: ['Tool: podwire-make-image'] },
      packages: all.map((component) => ({
        SPDXID: id(component),
        name: component.name,
        versionInfo: component.version,
        downloadLocation: 'NOASSERTION',
        filesAnalyzed: false,
        licenseConcluded: 'NOASSERTION',
        licenseDeclared: component.license ?? 'NOASSERTION',
        copyrightText: 'NOASSERTION',
        ...(component.sha256 ? { checksums: [{ algorithm: 'SHA256', checksumValue: component.sha256 }] } : {}),
        externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: component.purl }],
      })),
      relationships: [
        { spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: id(product) },
        ...sorted.map((part) => ({ spdxElementId: id(product), relationshipType: 'CONTAINS', relatedSpdxElement: id(part) })),
      ],
    },
    undefined,
    1,
  )}\n`
}

const id = ({ purl }: Component) => `SPDXRef-${purl.replace(/^pkg:/, '').replace(/[^a-zA-Z0-9.]+/g, '-')}`
