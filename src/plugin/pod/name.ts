// What Kubernetes calls the pod, for people: aliases, comments, errors. Nothing is found by it.

/**
 * `namespace/name` out of CNI_ARGS, '' where they do not have it. The drop-in plugins whose originals never look at CNI_ARGS take the rest as it is:
 * what they do not understand must not stop a pod.
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
