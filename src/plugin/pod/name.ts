// The pod's name in Kubernetes, for aliases, comments and errors. Nothing is looked up by it.

/**
 * `namespace/name` out of CNI_ARGS, '' where they do not have it. Unlike parseArgs it accepts unknown keys: the reference plugins
 * of the drop-ins do not read CNI_ARGS, so these must not fail on it.
 */
export function podName(args: string): string {
  const pairs = new Map<string, string>()
  for (const pair of args.split(';')) {
    const [key = '', ...value] = pair.split('=')
    pairs.set(key, value.join('='))
  }
  const [namespace, name] = [pairs.get('K8S_POD_NAMESPACE'), pairs.get('K8S_POD_NAME')]
  return namespace && name ? `${namespace}/${name}` : ''
}
