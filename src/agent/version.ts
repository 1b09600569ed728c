/** The distribution's version; package.json's, put in by the build. */
declare const PODWIRE_VERSION: string | undefined
export const version: string = typeof PODWIRE_VERSION === 'string' ? PODWIRE_VERSION : 'unbuilt'
