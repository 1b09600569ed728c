// Who is who in the cluster of namespaces: one authority, tokens for those who ask the API server, certificates where nothing else will do.

import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mustRun } from '../command.ts'

/** A client of the API server: its user name and groups. */
export interface Client {
  readonly user: string
  readonly groups?: readonly string[]
}

/** Fills `folder`: ca.crt, the API server's certificate for `names` (`IP:…`, `DNS:…`), its own as the kubelets' client, the service accounts' key, and NAME.kubeconfig for each client. */
export async function makeCredentials(
  folder: string,
  server: string,
  names: readonly string[],
  clients: Readonly<Record<string, Client>>,
): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  await openssl(folder, [
    '-x509',
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
    '-subj',
    '/CN=podwire-e2e',
    '-addext',
    'keyUsage=critical,keyCertSign,cRLSign',
  ])
  await Promise.all([
    certificate(folder, 'apiserver', '/CN=kube-apiserver', ['extendedKeyUsage=serverAuth', `subjectAltName=${names.join(',')}`]),
    certificate(folder, 'kubelet-client', '/O=system:masters/CN=kube-apiserver', ['extendedKeyUsage=clientAuth']),
  ])
  const { publicKey, privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'prime256v1',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  writeFileSync(join(folder, 'service-accounts.pub'), publicKey)
  writeFileSync(join(folder, 'service-accounts.key'), privateKey, { mode: 0o600 })

  const authority = readFileSync(join(folder, 'ca.crt')).toString('base64')
  const tokens = Object.entries(clients).map(([name, { user, groups = [] }]) => {
    const token = randomBytes(16).toString('hex')
    writeFileSync(join(folder, `${name}.kubeconfig`), kubeconfig(server, authority, token), { mode: 0o600 })
    return `${token},${user},${user},"${groups.join(',')}"\n`
  })
  writeFileSync(join(folder, 'tokens.csv'), tokens.join(''), { mode: 0o600 })
}

async function certificate(folder: string, name: string, subject: string, extensions: readonly string[]): Promise<void> {
  const files = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-keyout', `${name}.key`, '-out', `${name}.crt`]
  await openssl(folder, ['-x509', ...files, '-subj', subject, ...extensions.flatMap((extension) => ['-addext', extension])])
}

async function openssl(folder: string, args: readonly string[]): Promise<void> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30']
  await mustRun(['env', '-C', folder, 'openssl', 'req', ...key, ...args])
}

const kubeconfig = (server: string, authority: string, token: string) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'e2e',
    clusters: [{ name: 'e2e', cluster: { server, 'certificate-authority-data': authority } }],
    users: [{ name: 'e2e', user: { token } }],
    contexts: [{ name: 'e2e', context: { cluster: 'e2e', user: 'e2e' } }],
  })
