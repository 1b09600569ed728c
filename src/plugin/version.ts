/** The distribution's version, as `about` and `podwire version` print it; package.json's, put in by the build. */
declare const PODWIRE_VERSION: string
export const version: string = PODWIRE_VERSION

/**
 * The version that a drop-in prints: it has the options of the reference plugins of that version. Runtimes read it (nerdctl gives a network the policy
 * `isolated` where `firewall` is v1.7.1 or later); semantic versioning passes over what follows the plus sign.
 */
export const dropInVersion = `v1.9.1+podwire.${version}`
