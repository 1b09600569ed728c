// Node objects as a kubelet's look: some 16 kB each, most of it 40 images and the bookkeeping of who set which field. Made when asked for, so that
// thousands of them cost the server nothing.

export interface FakeNode {
  readonly name: string
  readonly addresses: readonly string[]
  readonly podCidrs: readonly string[]
}

/** The n-th of a cluster, n below 65,536: its address in 172.16/16, its subnet in 10/8. */
export function numberedNode(n: number): FakeNode {
  const low = `${n >> 8}.${n & 255}`
  return { name: nodeName(n), addresses: [`172.16.${low}`], podCidrs: [`10.${low}.0/24`] }
}

export function nodeName(n: number): string {
  return `ip-172-16-${n >> 8}-${n & 255}.eu-central-1.compute.internal`
}

/** One line of JSON. `beat` changes what a heartbeat changes. */
export function nodeJson({ name, addresses, podCidrs }: FakeNode, resourceVersion: number, beat: number, images: number): string {
  const time = new Date(1_790_000_000_000 + beat * 1000).toISOString()
  const own = `"name":${JSON.stringify(name)},"uid":"00000000-0000-4000-8000-${String(resourceVersion).padStart(12, '0')}","resourceVersion":"${resourceVersion}"`
  const subnets = podCidrs.length > 0 ? `"podCIDR":${JSON.stringify(podCidrs[0])},"podCIDRs":${JSON.stringify(podCidrs)},` : ''
  const reached = [...addresses.map((address) => ({ type: 'InternalIP', address })), { type: 'Hostname', address: name }]
  const { metadata, spec, status, imageList } = partsFor(images)
  return (
    `{"kind":"Node","apiVersion":"v1","metadata":{${own},${metadata.replaceAll('@beat', time)}},"spec":{${subnets}${spec}},` +
    `"status":{${status.replaceAll('@beat', time)},"addresses":${JSON.stringify(reached)},"images":${imageList}}}`
  )
}

interface Parts {
  readonly metadata: string
  readonly spec: string
  readonly status: string
  readonly imageList: string
}

const known = new Map<number, Parts>()

/** What all nodes have alike; objects without their braces. */
function partsFor(images: number): Parts {
  const parts = known.get(images) ?? makeParts(images)
  known.set(images, parts)
  return parts
}

function makeParts(images: number): Parts {
  const inner = (object: unknown) => JSON.stringify(object).slice(1, -1)
  return {
    metadata: inner({ creationTimestamp: '2026-03-04T05:06:07Z', labels, annotations, managedFields }),
    spec: inner({ providerID: 'aws:///eu-central-1a/i-0123456789abcdef0' }),
    status: inner({
      capacity: resources,
      allocatable: resources,
      conditions,
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
      nodeInfo,
    }),
    imageList: JSON.stringify(Array.from({ length: images }, (_, n) => image(n))),
  }
}

const labels = Object.fromEntries(
  [
    'beta.kubernetes.io/arch',
    'kubernetes.io/os',
    'topology.kubernetes.io/region',
    'topology.kubernetes.io/zone',
    'node.kubernetes.io/instance-type',
  ]
    .concat(Array.from({ length: 8 }, (_, n) => `example.com/label-${n}`))
    .map((key, n) => [key, `value-of-label-${n}`]),
)
const annotations = {
  'csi.volume.kubernetes.io/nodeid': '{"ebs.csi.aws.com":"i-0123456789abcdef0"}',
  'node.alpha.kubernetes.io/ttl': '0',
  'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
}
const resources = {
  cpu: '8',
  'ephemeral-storage': '104845292Ki',
  'hugepages-1Gi': '0',
  'hugepages-2Mi': '0',
  memory: '32408256Ki',
  pods: '110',
}
const conditions = ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map((type) => ({
  type,
  status: type === 'Ready' ? 'True' : 'False',
  lastHeartbeatTime: '@beat',
  lastTransitionTime: '2026-03-04T05:06:17Z',
  reason: `KubeletHas${type}`,
  message: `kubelet says of ${type} what a kubelet says when all is well`,
}))
const nodeInfo = {
  machineID: 'ec2d0123456789abcdef0123456789ab',
  systemUUID: 'ec2d0123-4567-89ab-cdef-0123456789ab',
  bootID: '01234567-89ab-cdef-0123-456789abcdef',
  kernelVersion: '6.12.40-amd64',
  osImage: 'Debian GNU/Linux 13 (trixie)',
  containerRuntimeVersion: 'containerd://2.1.4',
  kubeletVersion: 'v1.35.2',
  operatingSystem: 'linux',
  architecture: 'amd64',
}
const managedFields = ['kubelet', 'kube-controller-manager', 'cloud-controller-manager'].map((manager) => ({
  manager,
  operation: 'Update',
  apiVersion: 'v1',
  time: '@beat',
  fieldsType: 'FieldsV1',
  fieldsV1: {
    'f:metadata': { 'f:annotations': fieldsOf(annotations), 'f:labels': fieldsOf(labels) },
    'f:status': {
      'f:allocatable': fieldsOf(resources),
      'f:capacity': fieldsOf(resources),
      'f:conditions': fieldsOf(nodeInfo),
      'f:images': {},
    },
  },
  subresource: 'status',
}))

function fieldsOf(object: object): Record<string, object> {
  return Object.fromEntries(Object.keys(object).map((key) => [`f:${key}`, {}]))
}

function image(n: number): object {
  const name = `registry.example.com/team-${n % 7}/service-with-a-longish-name-${n}`
  return {
    names: [`${name}@sha256:${String(n).padStart(64, 'abcdef0123456789')}`, `${name}:v1.${n}.0-build.20261104`],
    sizeBytes: 20_000_000 + n * 1_234_567,
  }
}
