import { expect, it } from 'vitest'
import { podName } from './name.ts'

it.each([
  ['K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web', 'shop/web'],
  ['IgnoreUnknown=1;K8S_POD_NAME=web;K8S_POD_UID=7;K8S_POD_NAMESPACE=shop', 'shop/web'],
  ['K8S_POD_NAME=web', ''],
  ['K8S_POD_NAMESPACE=;K8S_POD_NAME=web', ''],
  ['', ''],
  ['none', ''],
  [';;=;K8S_POD_NAMESPACE=a=b;K8S_POD_NAME', ''],
  ['K8S_POD_NAMESPACE=a=b;K8S_POD_NAME=c', 'a=b/c'],
])('the pod of %j is %j', (args, name) => {
  expect(podName(args)).toBe(name)
})
