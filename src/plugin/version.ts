/** The distribution's version, as `about` and `podwire version` tell it; package.json's, put in by the build. */
declare const PODWIRE_VERSION: string
export const version: string = PODWIRE_VERSION
